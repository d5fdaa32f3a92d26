//! Text as the search and the sorting of names see it: folded, in words.

/// Lower case, umlauts and accents of German names as their base letters (DIN 5007-1: ä is sorted as a, ß as ss).
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' | 'à' | 'á' | 'â' | 'ã' | 'å' => folded.push('a'),
            'ö' | 'ò' | 'ó' | 'ô' | 'õ' | 'ø' => folded.push('o'),
            'ü' | 'ù' | 'ú' | 'û' => folded.push('u'),
            'è' | 'é' | 'ê' | 'ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ç' | 'č' | 'ć' => folded.push('c'),
            'š' | 'ş' | 'ś' => folded.push('s'),
            'ž' | 'ź' | 'ż' => folded.push('z'),
            'ğ' => folded.push('g'),
            'ı' => folded.push('i'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            // What is left of a capital I with a dot in lower case.
            '\u{307}' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// Adds the words of a text to a haystack: each with a space before it.
pub(super) fn add(haystack: &mut String, text: &str) {
    for word in words(&fold(text)) {
        haystack.push(' ');
        haystack.push_str(word);
    }
}

/// Whether every word of the (folded) text begins a word of the haystack.
pub(super) fn all_in(haystack: &str, needles: &[String]) -> bool {
    needles.iter().all(|needle| haystack.contains(needle.as_str()))
}

/// The words of a query, as [`all_in`] wants them.
pub(super) fn needles(text: &str) -> Vec<String> {
    words(&fold(text)).map(|word| format!(" {word}")).collect()
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_how_it_sounds_to_a_keyboard() {
        let mut haystack = String::new();
        add(&mut haystack, "Özge Müller-Weiß, MUS-2026-000042");
        for found in ["ozge", "MÜLL", "weiss", "2026-0000", "mus-2026-000042", "müller özge"] {
            assert!(all_in(&haystack, &needles(found)), "{found}");
        }
        for missed in ["üller", "42", "özge schmidt"] {
            assert!(!all_in(&haystack, &needles(missed)), "{missed}");
        }
    }

    #[test]
    fn no_words_are_in_everything() {
        assert!(all_in("", &needles(" -- ")));
    }
}
