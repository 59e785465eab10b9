//! Characters that make a name look like another one: those that turn the direction of writing, those that show nothing, and
//! those that break the line.
//!
//! From Unicode 16: all of `Bidi_Control`, and of `Default_Ignorable_Code_Point` what no living script and no emoji needs in
//! a name. These of it are let be: the joiners U+200C and U+200D (Persian, the scripts of India, emoji of several parts), the
//! variation selectors U+FE00–U+FE0F and U+E0100–U+E01EF (emoji, variants of Chinese characters) and the Mongolian ones
//! U+180B–U+180F. So flags of tag characters (Scotland's) are refused: tags can spell a whole hidden name.

/// The first character of a text that a new name may not have.
pub(crate) fn find(text: &str) -> Option<char> {
    text.chars().find(|&letter| is_deceptive(letter))
}

/// Whether a character makes a text look like another one. Names that are here already, and titles, may have it: who shows
/// them to people escapes it.
pub const fn is_deceptive(letter: char) -> bool {
    turns(letter) || shows_nothing(letter) || matches!(letter, '\u{2028}'..='\u{2029}')
}

/// `Bidi_Control` (UAX #9).
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{61C}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What is refused of `Default_Ignorable_Code_Point` (UAX #44).
const fn shows_nothing(letter: char) -> bool {
    matches!(letter,
        '\u{AD}' | '\u{34F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{200B}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_or_hides_is_found_and_what_scripts_and_emoji_need_is_not() {
        for letter in [
            '\u{61C}',
            '\u{200E}',
            '\u{202E}',
            '\u{2066}',
            '\u{2069}',
            '\u{AD}',
            '\u{34F}',
            '\u{115F}',
            '\u{17B4}',
            '\u{200B}',
            '\u{2060}',
            '\u{2065}',
            '\u{3164}',
            '\u{FEFF}',
            '\u{FFA0}',
            '\u{FFF0}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{E0001}',
            '\u{E0061}',
            '\u{E01F0}',
            '\u{2028}',
            '\u{2029}',
        ] {
            assert_eq!(find(&format!("t/{letter}gkp.exe")), Some(letter), "{letter:?}");
        }
        let needed = [
            "می\u{200C}خواهم.pkg",
            "क्\u{200D}ष.pkg",
            "👩\u{200D}💻.dmg",
            "❤\u{FE0F}.pkg",
            "葛\u{E0100}.msi",
            "ᠮᠣᠩᠭᠣᠯ\u{180E}\u{180B}.deb",
            "עברית.pkg",
            "한국어.msi",
            "a b\u{A0}c.pkg",
        ];
        for name in needed {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
