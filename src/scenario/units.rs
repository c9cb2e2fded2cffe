use serde::Deserialize;
#[derive(Deserialize, Clone, Copy)] pub struct DurationValue(pub crate::base::time::Span);
impl<'de> Deserialize<'de> for crate::base::time::Span { fn deserialize<D: serde::Deserializer<'de>>(_d: D) -> Result<Self, D::Error> { Ok(Self(0)) } }
#[derive(Deserialize, Clone)] pub struct NumberOrText(f64);
impl NumberOrText { pub fn mebibytes(&self) -> Result<crate::base::quantity::Milli, String> { Ok(crate::base::quantity::Milli::from_f64(self.0)) } }
