//! Attributes of agents (`--attributes`, `src/common/attributes.cpp`): named values that are
//! copied into offers and never consumed. The same name may come several times.

use super::ranges::Ranges;
use super::set::Items;
use super::text::{Reader, scalar};
use super::{Place, ResourceError};
use crate::base::quantity::Milli;
use std::fmt;

/// The value of an attribute: whatever is neither number, ranges nor set is text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttributeValue {
    Scalar(Milli),
    Ranges(Ranges),
    Set(Items),
    Text(String),
}

/// Name and value, in the order given.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Attributes(pub Vec<(String, AttributeValue)>);

impl Attributes {
    /// Reads `rack:abc;zone:west;level:10;ports:[1-2]`.
    ///
    /// # Errors
    /// The first attribute without a name or a value, or with broken ranges.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        let (mut all, mut start) = (Vec::new(), 0);
        for part in text.split([';', '\n']) {
            let at = start;
            start += part.len() + 1;
            if part.trim().is_empty() {
                continue;
            }
            let named = part.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = named.filter(|(name, value)| !name.is_empty() && !value.is_empty()) else {
                let what = format!("`{}` is no attribute", part.trim());
                return Err(ResourceError::new(what, Place::Byte(at), "write `name:value`"));
            };
            let value = read(value).map_err(|error| ResourceError { place: Place::Byte(at), ..error })?;
            all.push((name.to_owned(), value));
        }
        Ok(Self(all))
    }
    /// The first value of a name: the only one that constraints look at.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

fn read(value: &str) -> Result<AttributeValue, ResourceError> {
    let mut reader = Reader::new(value);
    let read = match value.as_bytes()[0] {
        b'[' => AttributeValue::Ranges(reader.ranges()?),
        b'{' => AttributeValue::Set(reader.items()?),
        _ => {
            let number = value.parse().ok().and_then(|number| scalar(number).ok());
            return Ok(number.map_or_else(|| AttributeValue::Text(value.to_owned()), AttributeValue::Scalar));
        }
    };
    if matches!(&read, AttributeValue::Set(set) if set.iter().any(|item| item.contains([';', '\n']))) {
        return Err(reader.error("an item contains `;` or a line break", "these separate attributes"));
    }
    if reader.at_end() {
        return Ok(read);
    }
    Err(reader.error(format!("`{}` follows the value", reader.rest()), "put `;` between attributes"))
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(value) => value.fmt(f),
            Self::Ranges(value) => value.fmt(f),
            Self::Set(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}:{value}", if i == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_what_they_look_like() {
        let a =
            Attributes::parse("rack:abc; zone:west;level:10;ports:[3-4,1-2];set:{b,a};url:http://x;rack:d").unwrap();
        assert_eq!(a.to_string(), "rack:abc;zone:west;level:10;ports:[1-4];set:{a, b};url:http://x;rack:d");
        assert_eq!(a.first("level"), Some(&AttributeValue::Scalar(Milli(10_000))));
        assert_eq!(a.first("rack"), Some(&AttributeValue::Text("abc".into())));
        assert_eq!(a.first("none"), None);
        assert_eq!(Attributes::parse(&a.to_string()).unwrap(), a);
    }

    #[test]
    fn errors_point_at_the_attribute() {
        for (text, at) in [("a:1;rack", 4), (":x", 0), ("a:", 0), ("a:1;p:[2-1]", 4), ("p:[1-2]x", 0)] {
            assert_eq!(Attributes::parse(text).unwrap_err().place, Place::Byte(at), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", special in "[a:;{}\\[\\],1\\-\" \n]{0,30}") {
            for text in [text, special] {
                if let Ok(read) = Attributes::parse(&text) {
                    prop_assert_eq!(Attributes::parse(&read.to_string()).unwrap(), read);
                }
            }
        }
    }
}
