//! What is wrong with a scenario: message, place, and what to write instead.

use super::source::{Place, Sources};
use super::suggest;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::sync::Arc;

/// The mend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Help {
    None,
    Text(String),
    /// `wrong` is not one of `known`; the nearest is proposed, or all are listed.
    Choose {
        wrong: String,
        known: Vec<String>,
    },
}

impl Help {
    fn text(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) => Some(text.clone()),
            Self::Choose { known, .. } if known.is_empty() => Some("remove it".to_owned()),
            Self::Choose { wrong, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Some(match suggest::nearest(wrong, &known) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("known here: {}", suggest::list(&known)),
                })
            }
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Diagnostic {
    pub(crate) message: String,
    pub(crate) place: Option<Place>,
    pub(crate) help: Help,
}

impl Diagnostic {
    pub(crate) fn new(place: Option<Place>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), place, help: Help::Text(help.into()) }
    }
    pub(crate) fn unknown(place: Option<Place>, what: &str, wrong: &str, known: &[&str]) -> Self {
        let known = known.iter().map(|&k| k.to_owned()).collect();
        Self {
            message: format!("unknown {what} `{wrong}`"),
            place,
            help: Help::Choose { wrong: wrong.to_owned(), known },
        }
    }
    /// Fills the place in if nobody nearer to the mistake has done so.
    pub(crate) fn or_at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

/// Everything found wrong with a scenario, the first mistake first.
#[derive(Clone, Debug)]
pub struct Error {
    /// Each with the texts that its place is in: mistakes of different scenarios may be merged.
    mistakes: Vec<(Diagnostic, Arc<Sources>)>,
}

impl Error {
    pub(crate) fn new(sources: &Arc<Sources>, diagnostics: Vec<Diagnostic>) -> Self {
        Self { mistakes: diagnostics.into_iter().map(|d| (d, Arc::clone(sources))).collect() }
    }
    /// A mistake that has no place in a text, such as a scenario file that cannot be read.
    #[must_use]
    pub fn plain(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(&Arc::default(), vec![Diagnostic::new(None, message, help)])
    }
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.mistakes.into_iter().map(|(diagnostic, _)| diagnostic).collect()
    }
    /// Adds the mistakes of another part.
    pub fn merge(&mut self, other: Self) {
        self.mistakes.extend(other.mistakes);
    }
    /// All mistakes with the lines they are on, underlined, and the mend; ends without newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let one = |(d, sources): &(Diagnostic, Arc<Sources>)| {
            let mut group = Level::ERROR.primary_title(d.message.as_str()).elements(d.place.map(|place| {
                let source = &sources.texts[place.file as usize];
                let span = place.start as usize..place.end as usize;
                Snippet::source(source.text.as_str())
                    .path(source.name.as_str())
                    .annotation(AnnotationKind::Primary.span(span))
            }));
            if let Some(help) = d.help.text() {
                group = group.element(Level::HELP.message(help));
            }
            renderer.render(&[group])
        };
        self.mistakes.iter().map(one).collect::<Vec<_>>().join("\n\n")
    }
}

/// One line per mistake: `file:line: message; help`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (d, sources)) in self.mistakes.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            if let Some(place) = d.place {
                write!(f, "{}:{}: ", sources.name(place), sources.line(place))?;
            }
            f.write_str(&d.message)?;
            if let Some(help) = d.help.text() {
                write!(f, "; {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn renders_with_and_without_place() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "seed = 1\nlatnecy = 2\n");
        let place = Some(Place { file, start: 9, end: 16 });
        let unknown = Diagnostic::unknown(place, "key", "latnecy", &["latency", "x"]);
        let mut error = Error::plain("cannot read it", "check the path");
        error.merge(Error::new(&Arc::new(sources), vec![unknown]));
        expect![[r#"
            error: cannot read it
             |
             = help: check the path

            error: unknown key `latnecy`
             --> a.toml:2:1
              |
            2 | latnecy = 2
              | ^^^^^^^
              |
              = help: did you mean `latency`?"#]]
        .assert_eq(&error.render(false));
        expect![[r#"
            cannot read it; check the path
            a.toml:2: unknown key `latnecy`; did you mean `latency`?"#]]
        .assert_eq(&error.to_string());
        assert!(error.render(true).contains('\u{1b}'));
    }
}
