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

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    /// Folded.
    pub(super) text: String,
    /// Whether it has to be the whole word; otherwise it begins one.
    pub(super) whole: bool,
}

impl Needle {
    /// Whether a (folded) word is what is looked for.
    pub(super) fn fits(&self, word: &str) -> bool {
        if self.whole { word == self.text } else { word.starts_with(&self.text) }
    }
}

/// Words with fewer letters have to be whole: nearly everything begins with them.
const BEGINNING: usize = 3;
/// Longer words are cut off: nobody types them, and whoever does means their beginning.
const LONGEST: usize = 64;

/// Adds the words of a text to a haystack: each with a space before it.
pub(super) fn add(haystack: &mut String, text: &str) {
    for word in words(&fold(text)) {
        haystack.push(' ');
        haystack.push_str(word);
    }
}

/// Sees every word of a haystack.
pub(super) fn each(haystack: &str, see: impl FnMut(&str)) {
    haystack.split(' ').filter(|word| !word.is_empty()).for_each(see);
}

/// Whether every one of the needles fits a word of the haystack.
pub(super) fn all_in(haystack: &str, needles: &[Needle]) -> bool {
    needles.iter().all(|needle| haystack.split(' ').any(|word| needle.fits(word)))
}

/// The words of a search.
pub(super) fn needles(text: &str) -> Vec<Needle> {
    let whole = |word: &str| word.chars().count() < BEGINNING;
    words(&fold(text)).map(|word| Needle { text: word.to_owned(), whole: whole(word) }).collect()
}

/// The words of what is being typed: each may go on.
pub(super) fn beginnings(text: &str) -> Vec<Needle> {
    words(&fold(text)).map(|word| Needle { text: word.to_owned(), whole: false }).collect()
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    let cut = |word: &str| word.char_indices().nth(LONGEST).map_or(word.len(), |(at, _)| at);
    let words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(move |word| &word[..cut(word)])
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
        for missed in ["üller", "42", "mu", "özge schmidt"] {
            assert!(!all_in(&haystack, &needles(missed)), "{missed}");
        }
    }

    #[test]
    fn what_is_being_typed_may_go_on_and_what_is_searched_is_a_word_or_a_good_beginning() {
        let mut haystack = String::new();
        add(&mut haystack, "Bo Müller");
        assert!(all_in(&haystack, &beginnings("b m")) && all_in(&haystack, &needles("bo mül")));
        assert!(!all_in(&haystack, &needles("b")) && !all_in(&haystack, &needles("mü")));
    }

    #[test]
    fn no_words_are_in_everything() {
        assert!(all_in("", &needles(" -- ")));
    }
}
