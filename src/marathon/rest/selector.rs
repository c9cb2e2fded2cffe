//! Label selectors (`LabelSelector.scala`): `a, b == c, d != e, f in (g, h), i notin (j)`. Letters,
//! digits and `-_.` stand for themselves, anything else is escaped with a backslash.

use std::collections::BTreeMap;

/// One condition; all of them must hold. A label that is missing fulfils none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Selector {
    label: String,
    /// Values that are wanted (`true`) or unwanted; `None`: any value.
    values: Option<(bool, Vec<String>)>,
}

impl Selector {
    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        labels
            .get(&self.label)
            .is_some_and(|value| self.values.as_ref().is_none_or(|(wanted, values)| values.contains(value) == *wanted))
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<Selector>, String> {
    let refuse = |told: String| format!("Can not parse label selector {text}. Reason: {told}");
    let mut rest = Rest(text);
    let mut selectors = Vec::new();
    if rest.end() {
        return Ok(selectors);
    }
    loop {
        selectors.push(rest.selector().map_err(refuse)?);
        if rest.end() {
            return Ok(selectors);
        }
        rest.take(",").map_err(refuse)?;
    }
}

struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn end(&mut self) -> bool {
        self.0 = self.0.trim_start();
        self.0.is_empty()
    }
    fn try_take(&mut self, token: &str) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
    fn take(&mut self, token: &str) -> Result<(), String> {
        if self.try_take(token) { Ok(()) } else { Err(format!("`{token}` expected before `{}`", self.0)) }
    }
    fn term(&mut self) -> Result<String, String> {
        self.0 = self.0.trim_start();
        let mut term = String::new();
        while let Some(c) = self.0.chars().next() {
            let mut taken = c.len_utf8();
            if c == '\\' {
                let Some(escaped) = self.0[1..].chars().next() else { break };
                term.push(escaped);
                taken += escaped.len_utf8();
            } else if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                term.push(c);
            } else {
                break;
            }
            self.0 = &self.0[taken..];
        }
        if term.is_empty() { Err(format!("a label or value expected before `{}`", self.0)) } else { Ok(term) }
    }
    /// A word that must end where it ends: `in`, not `inside`.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.0.trim_start();
        let fits = rest.strip_prefix(word).is_some_and(|after| after.trim_start().starts_with('('));
        fits && self.try_take(word)
    }
    fn selector(&mut self) -> Result<Selector, String> {
        let label = self.term()?;
        let values = if self.try_take("==") {
            Some((true, vec![self.term()?]))
        } else if self.try_take("!=") {
            Some((false, vec![self.term()?]))
        } else if self.word("in") {
            Some((true, self.set()?))
        } else if self.word("notin") {
            Some((false, self.set()?))
        } else {
            None
        };
        Ok(Selector { label, values })
    }
    fn set(&mut self) -> Result<Vec<String>, String> {
        self.take("(")?;
        let mut values = Vec::new();
        if self.try_take(")") {
            return Ok(values);
        }
        loop {
            values.push(self.term()?);
            if self.try_take(")") {
                return Ok(values);
            }
            self.take(",")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str) -> bool {
        let pairs = [("env", "prod"), ("in", "x"), ("a!", "b c")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        parse(text).unwrap_or_else(|e| panic!("{e}")).iter().all(|s| s.matches(&BTreeMap::from(pairs.clone())))
    }

    #[test]
    fn each_form_selects() {
        for good in [
            "",
            "env",
            "env==prod",
            "env != qa",
            "env in (qa, prod), in",
            "env notin (qa)",
            "a\\! == b\\ c",
            "env notin ()",
        ] {
            assert!(fits(good), "{good}");
        }
        for bad in ["tier", "env==qa", "env!=prod", "env in ()", "env notin (prod)", "tier != x", "env, tier"] {
            assert!(!fits(bad), "{bad}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for wrong in ["==", "a=b", "a in b", "a in (b", "a,", "a b"] {
            let told = parse(wrong).expect_err(wrong);
            assert!(told.contains("expected before"), "{told}");
        }
    }
}
