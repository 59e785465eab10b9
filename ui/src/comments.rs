//! What of a script or a style sheet is for who reads the source, and isn't sent.

/// `source` without the comments that have lines of their own. Nothing else is touched, so what runs is what is written: a comment
/// beside code stays, and so does one before code on its line (a cast is one). Of strings over several lines, none may have a line
/// that begins like a comment; a test in the browser holds the page's files to that.
pub(crate) fn without_comment_lines(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut is_inside = false;
    for line in source.split_inclusive('\n') {
        let text = line.trim();
        let begins = text.starts_with("/*");
        let ends_here = text.ends_with("*/") && text.matches("*/").count() == 1;
        if is_inside {
            is_inside = !ends_here;
        } else if begins && !text.contains("*/") {
            is_inside = true;
        } else if !(text.starts_with("//") || begins && ends_here) {
            kept.push_str(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::without_comment_lines;

    #[test]
    fn comments_with_lines_of_their_own_go_and_nothing_else_does() {
        for (source, kept) in [
            ("/** One. */\na();\n", "a();\n"),
            ("/**\n * Two,\n * lines.\n */\nb(); // why\n", "b(); // why\n"),
            ("  // three\n  c();", "  c();"),
            (
                "const x = /** @type {any} */ (y);\n/** @type {any} */ (y).z();\n",
                "const x = /** @type {any} */ (y);\n/** @type {any} */ (y).z();\n",
            ),
            (
                "d(); /* begins beside code\n and goes on */ e();\n",
                "d(); /* begins beside code\n and goes on */ e();\n",
            ),
            ("const u = 'http://x'; const r = /\\/*x/;\n", "const u = 'http://x'; const r = /\\/*x/;\n"),
            (".a { color: red; }\n\n/* b */\n.b { }\n", ".a { color: red; }\n\n.b { }\n"),
            ("", ""),
        ] {
            assert_eq!(without_comment_lines(source), kept);
        }
    }
}
