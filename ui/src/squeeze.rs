//! What of a script or a style sheet is for who reads the source, and isn't sent: comments, indentation, blank lines,
//! and in scripts the spaces beside brackets, signs and quotes. Names, lines and all that runs stay as they are written;
//! a test in the browser holds every file of the page to that, read by a real parser.

/// What ends a word by itself, so that a script needs no space beside it. Not `+`, `-` and `/`: two of them are another sign.
const SIGNS: &str = "{}()[];,:?=<>&|!*'\"`";

/// `source`, a style sheet, so.
pub(crate) fn style(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(begin) = rest.find("/*") {
        kept.push_str(&rest[..begin]);
        rest = rest[begin..].find("*/").map_or("", |end| &rest[begin + end + 2..]);
    }
    kept.push_str(rest);
    let lines = kept.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// `source`, a script, so. What is within a string, a template or a regular expression is copied as it is.
pub(crate) fn script(source: &str) -> String {
    let mut reader =
        Reader { rest: source, kept: String::with_capacity(source.len()), braces: 0, templates: Vec::new() };
    while let Some(next) = reader.rest.chars().next() {
        reader.take(next);
    }
    reader.kept
}

/// Where a script is read.
struct Reader<'a> {
    rest: &'a str,
    kept: String,
    /// How many braces are open in the innermost template's `${…}`, or in the script.
    braces: usize,
    /// The same for what each open template is in.
    templates: Vec<usize>,
}

impl Reader<'_> {
    fn take(&mut self, next: char) {
        match next {
            '\n' => self.end_line(),
            ' ' if self.is_beside_a_sign() => self.skip(1),
            '/' if self.rest.starts_with("//") => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
            '/' if self.rest.starts_with("/*") => self.comment(),
            '/' if self.expects_a_value() => self.copy(1 + end_of_expression(&self.rest[1..])),
            '\'' | '"' => self.copy(1 + end_of_quoted(&self.rest[1..], next)),
            '`' => {
                self.copy(1);
                self.template();
            }
            '}' if self.braces == 0 && !self.templates.is_empty() => {
                self.braces = self.templates.pop().unwrap_or_default();
                self.copy(1);
                self.template();
            }
            _ => {
                match next {
                    '{' => self.braces += 1,
                    '}' => self.braces = self.braces.saturating_sub(1),
                    _ => {}
                }
                self.copy(next.len_utf8());
            }
        }
    }

    fn copy(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.kept.push_str(taken);
        self.rest = rest;
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// Whether a space here keeps no two words apart.
    fn is_beside_a_sign(&self) -> bool {
        let (before, behind) = (self.kept.chars().next_back(), self.rest[1..].chars().next());
        [before, behind].into_iter().flatten().any(|one| SIGNS.contains(one))
    }

    /// The line's end, if there was anything on it, and none of the spaces around.
    fn end_line(&mut self) {
        self.kept.truncate(self.kept.trim_end_matches(' ').len());
        if !self.kept.is_empty() && !self.kept.ends_with('\n') {
            self.kept.push('\n');
        }
        self.rest = self.rest.trim_start_matches(['\n', ' ']);
    }

    /// A comment over several lines ends one, as it does for the language; one beside code goes with the space behind it.
    fn comment(&mut self) {
        let end = self.rest.find("*/").map_or(self.rest.len(), |end| end + 2);
        let is_long = self.rest[..end].contains('\n');
        self.skip(end);
        if is_long {
            self.end_line();
        } else if self.rest.starts_with(' ') {
            self.skip(1);
        }
    }

    /// A template's text up to its end, or to the next `${`.
    fn template(&mut self) {
        let mut chars = self.rest.char_indices();
        while let Some((at, next)) = chars.next() {
            match next {
                '\\' => drop(chars.next()),
                '`' => return self.copy(at + 1),
                '$' if self.rest[at..].starts_with("${") => {
                    self.templates.push(std::mem::take(&mut self.braces));
                    return self.copy(at + 2);
                }
                _ => {}
            }
        }
        self.copy(self.rest.len());
    }

    /// Whether a `/` begins a regular expression here: after a value it divides.
    fn expects_a_value(&self) -> bool {
        let before = self.kept.trim_end();
        let word = before.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        before.is_empty()
            || before.ends_with(|last| "=(,:;!&|?{}[+-*%<>~^".contains(last))
            || ["return", "typeof", "case", "in", "of"].contains(&word)
    }
}

/// How long the rest of a string is, with its closing quote.
fn end_of_quoted(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices();
    while let Some((at, next)) = chars.next() {
        match next {
            '\\' => drop(chars.next()),
            _ if next == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// How long the rest of a regular expression is, with its closing slash, which doesn't count within brackets.
fn end_of_expression(rest: &str) -> usize {
    let mut chars = rest.char_indices();
    let mut is_in_class = false;
    while let Some((at, next)) = chars.next() {
        match next {
            '\\' => drop(chars.next()),
            '[' => is_in_class = true,
            ']' => is_in_class = false,
            '/' if !is_in_class => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{script, style};

    #[test]
    fn of_a_script_comments_and_needless_space_go_and_nothing_else_does() {
        for (source, kept) in [
            ("/** One. */\na();\n", "a();\n"),
            ("/**\n * Two,\n * lines.\n */\n\n  b(); // why\n  c();\n", "b();\nc();\n"),
            ("const x = /** @type {any} */ (y);\n", "const x=(y);\n"),
            ("return /* a\n */ b;", "return\nb;"),
            ("const u = 'http://x'; const r = /\\/*[/*]x/; // y", "const u='http://x';const r=/\\/*[/*]x/;"),
            ("const q = 'it\\'s // x'; const h = 6 / 2; // y\n", "const q='it\\'s // x';const h=6 / 2;\n"),
            (
                "t = `\n  // text\n  ${f({\n    a: `\n  b`,\n  })} /* text */\n  \\``;\n  e();",
                "t=`\n  // text\n  ${f({\na:`\n  b`,\n})} /* text */\n  \\``;\ne();",
            ),
            ("if (a) {\n  /x/.test(b);\n}\n", "if(a){\n/x/.test(b);\n}\n"),
            ("const é = '`'; // ü\n", "const é='`';\n"),
            ("export { a as b } from './c.js';", "export{a as b}from'./c.js';"),
            ("async (x) => x + +y - -z * (a ?? -1)", "async(x)=>x + +y - -z*(a??-1)"),
            ("case 'a': return typeof b === \"c d\" ? !e : f in g;", "case'a':return typeof b===\"c d\"?!e:f in g;"),
            ("const m = /a b/ / 2;", "const m=/a b/ / 2;"),
            ("", ""),
            ("'unended // \\", "'unended // \\"),
            ("`unended ${a", "`unended ${a"),
            ("/* unended", ""),
            ("= /unended", "=/unended"),
        ] {
            assert_eq!(script(source), kept);
        }
    }

    #[test]
    fn of_a_style_sheet_too() {
        for (source, kept) in [
            (
                ".a { color: red; }\n\n/* b\n   c */\n@media print {\n  .b { } /* d */\n}\n",
                ".a { color: red; }\n@media print {\n.b { }\n}\n",
            ),
            ("/* unended", ""),
            ("", ""),
        ] {
            assert_eq!(style(source), kept);
        }
    }
}
