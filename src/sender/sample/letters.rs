//! Letters as glyphs of the built-in Helvetica. Every viewer has a stand-in for that font, but none promises more than the
//! standard Latin glyphs; what lies beyond them is put together out of a letter and its marks.

/// Names of glyphs that the font's encoding gets besides `WinAnsiEncoding`, from code 1 on.
pub(super) const FURTHER_GLYPHS: [&str; 7] = ["dotlessi", "Lslash", "lslash", "caron", "breve", "dotaccent", "ogonek"];

const DOTLESS_I: u8 = 1;

/// A mark at a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Acute,
    Breve,
    Caron,
    Cedilla,
    Circumflex,
    DotAbove,
    DotBelow,
    GraveUponCircumflex,
    Ogonek,
    /// Through the stem of a small d.
    Stroke,
    TildeUponCircumflex,
}

/// A letter that is put together.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) letter: char,
    base: u8,
    /// How wide the base is, in thousandths of the size.
    pub(super) width: i32,
    marks: &'static [Mark],
}

const fn of(letter: char, base: u8, width: i32, marks: &'static [Mark]) -> Composed {
    Composed { letter, base, width, marks }
}

/// The letters of DIN 91379 that the samples use, with their capitals or small ones.
const COMPOSED: [Composed; 22] = [
    of('Ą', b'A', 667, &[Mark::Ogonek]),
    of('ą', b'a', 556, &[Mark::Ogonek]),
    of('Ć', b'C', 722, &[Mark::Acute]),
    of('ć', b'c', 500, &[Mark::Acute]),
    // It looks like an eth and is none.
    of('Đ', 0xd0, 722, &[]),
    of('đ', b'd', 556, &[Mark::Stroke]),
    of('Ę', b'E', 667, &[Mark::Ogonek]),
    of('ę', b'e', 556, &[Mark::Ogonek]),
    of('Ě', b'E', 667, &[Mark::Caron]),
    of('ě', b'e', 556, &[Mark::Caron]),
    of('Ğ', b'G', 778, &[Mark::Breve]),
    of('ğ', b'g', 556, &[Mark::Breve]),
    of('İ', b'I', 278, &[Mark::DotAbove]),
    of('Ř', b'R', 722, &[Mark::Caron]),
    of('ř', b'r', 333, &[Mark::Caron]),
    of('Ş', b'S', 667, &[Mark::Cedilla]),
    of('ş', b's', 500, &[Mark::Cedilla]),
    of('Ź', b'Z', 611, &[Mark::Acute]),
    of('ź', b'z', 500, &[Mark::Acute]),
    of('ầ', b'a', 556, &[Mark::Circumflex, Mark::GraveUponCircumflex]),
    of('ễ', b'e', 556, &[Mark::Circumflex, Mark::TildeUponCircumflex]),
    of('ị', b'i', 222, &[Mark::DotBelow]),
];

/// How a letter is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    /// By this code of the font's encoding.
    Code(u8),
    Composed(&'static Composed),
}

/// How this letter is written, if it can be.
pub(super) fn written(letter: char) -> Option<Written> {
    let code = match letter {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).ok()?,
        'ı' => DOTLESS_I,
        'Ł' => 2,
        'ł' => 3,
        '€' => 0x80,
        'Š' => 0x8a,
        'Ž' => 0x8e,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '„' => 0x84,
        '–' => 0x96,
        '—' => 0x97,
        'š' => 0x9a,
        'ž' => 0x9e,
        _ => return COMPOSED.iter().find(|composed| composed.letter == letter).map(Written::Composed),
    };
    Some(Written::Code(code))
}

impl Composed {
    /// The codes of its parts, each with its place in thousandths of the size.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u8, i32, i32)> {
        std::iter::once((self.base, 0, 0)).chain(self.marks.iter().map(|mark| self.place(*mark)))
    }

    /// Marks are 333 wide and made for small letters.
    fn place(&self, mark: Mark) -> (u8, i32, i32) {
        let middle = (self.width - 333) / 2;
        let above = if self.base.is_ascii_uppercase() { 195 } else { 0 };
        match mark {
            Mark::Acute => (0xb4, middle, above),
            Mark::Breve => (5, middle, above),
            Mark::Caron => (4, middle, above),
            Mark::Cedilla => (0xb8, middle, 0),
            Mark::Circumflex => (0x88, middle, above),
            Mark::DotAbove => (6, middle, above),
            Mark::DotBelow => (b'.', (self.width - 278) / 2, -210),
            Mark::GraveUponCircumflex => (0x60, middle + 130, 150),
            Mark::Ogonek => (7, self.width - 333, 0),
            Mark::Stroke => (0xaf, 245, -30),
            Mark::TildeUponCircumflex => (0x98, middle, 165),
        }
    }
}
