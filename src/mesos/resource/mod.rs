//! Resources as Mesos counts them (`src/common/resources.cpp`).

use crate::base::quantity::Quantities;
use std::ops::{AddAssign, SubAssign};

/// Plain scalars inline.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Resources {
    scalars: Quantities,
    extra: Option<std::sync::Arc<()>>,
}

impl Resources {
    #[must_use]
    pub fn from_scalars(scalars: Quantities) -> Self {
        Self { scalars, extra: None }
    }
    /// Whether there is nothing but unreserved, non-revocable cpus, mem, disk and gpus.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.extra.is_none()
    }
    /// Unreserved, non-revocable cpus, mem, disk and gpus.
    #[must_use]
    pub fn scalars(&self) -> Quantities {
        self.scalars
    }
    /// Totals of cpus, mem, disk and gpus, whatever their metadata.
    #[must_use]
    pub fn quantities(&self) -> Quantities {
        self.scalars
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scalars.is_empty()
    }
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.scalars.contains(other.scalars)
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        self.scalars += other.scalars;
    }
}
impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        self.scalars -= other.scalars;
    }
}
