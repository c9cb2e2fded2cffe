//! Any text inside of markup: XML (SVG, HTML, JUnit), Markdown and LaTeX.

/// For XML and HTML, in content and in attributes. Control characters, which XML 1.0 cannot hold,
/// become U+FFFD.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' | '\r' => out.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// For a cell of a table in Markdown.
#[must_use]
pub fn markdown(text: &str) -> String {
    let special = |c: char| "\\|`*_[]<>#".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([if c == '\n' { ' ' } else { c }])).collect()
}

/// For LaTeX in text mode. Narrow spaces between thousands become thin ones.
#[must_use]
pub fn latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '<' | '>' | '|' => out.push_str(&format!("${c}$")),
            '\u{202f}' => out.push_str("\\,"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_through() {
        let nasty = "a<b> & \"c\" 'd' 50%_|\\{x}\u{1}";
        assert_eq!(xml(nasty), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; 50%_|\\{x}\u{fffd}");
        assert_eq!(markdown("a|b *c* _d_\n[e]"), "a\\|b \\*c\\* \\_d\\_ \\[e\\]");
        assert_eq!(latex(nasty), "a$<$b$>$ \\& \"c\" 'd' 50\\%\\_$|$\\textbackslash{}\\{x\\}\u{1}");
        assert_eq!(latex("12\u{202f}500"), "12\\,500");
    }
}
