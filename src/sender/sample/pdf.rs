//! Small PDF documents: one page (A4) with headings, labels and values, as an online service prints what was filled in.
//!
//! Text is set in the built-in Helvetica. Letters that it need not have are the glyphs of a second font, whose drawings put
//! them together out of Helvetica's ([`super::letters`]) and whose map to Unicode lets them be searched and copied.

use std::fmt::Write as _;

use super::letters::{Composed, FURTHER_GLYPHS, Written, written};

/// What stands under one heading: labels with their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Each label with its value.
    pub rows: Vec<(String, String)>,
}

const LEFT: i32 = 62;
const RIGHT: i32 = 533;
/// Where values begin.
const VALUES: i32 = 250;
const BOTTOM: i32 = 50;

/// A page with this title and these sections, as far as it has room. The filler makes the file as large as wished; it is an
/// object that no page shows.
#[must_use]
pub fn document(title: &str, below: &str, sections: &[Section], filler: &[u8]) -> Vec<u8> {
    let mut page = Page::default();
    let mut y = 770;
    page.text(LEFT, y, 18, title);
    y -= 20;
    page.text(LEFT, y, 10, below);
    for section in sections {
        y -= 34;
        page.text(LEFT, y, 12, &section.heading);
        page.rule(y - 6);
        y -= 4;
        for (label, value) in &section.rows {
            y -= 18;
            page.text(LEFT, y, 10, label);
            page.text(VALUES, y, 10, value);
        }
    }
    page.file(filler)
}

/// A page that is being written.
#[derive(Debug, Default)]
struct Page {
    operators: String,
    /// The letters of the second font, by code from 1 on.
    composed: Vec<&'static Composed>,
}

// Writing into a string does not fail: what `write!` says is not looked at.
impl Page {
    fn text(&mut self, x: i32, y: i32, size: i32, text: &str) {
        if y < BOTTOM {
            return;
        }
        let _ = write!(self.operators, "BT {x} {y} Td");
        let mut run: Option<&str> = None;
        for letter in text.chars() {
            let (font, code) = match written(letter).unwrap_or(Written::Code(b'?')) {
                Written::Code(code) => ("F1", code),
                Written::Composed(composed) => ("F2", self.code_of(composed)),
            };
            if run != Some(font) {
                let close = if run.is_some() { ") Tj" } else { "" };
                let _ = write!(self.operators, "{close} /{font} {size} Tf (");
                run = Some(font);
            }
            escape(&mut self.operators, code);
        }
        self.operators.push_str(if run.is_some() { ") Tj ET\n" } else { " ET\n" });
    }

    fn rule(&mut self, y: i32) {
        if y >= BOTTOM {
            let _ = writeln!(self.operators, "0.5 w {LEFT} {y} m {RIGHT} {y} l S");
        }
    }

    fn code_of(&mut self, composed: &'static Composed) -> u8 {
        let known = self.composed.iter().position(|one| one.letter == composed.letter);
        let at = known.unwrap_or_else(|| {
            self.composed.push(composed);
            self.composed.len() - 1
        });
        // There are far fewer letters than codes.
        u8::try_from(at + 1).unwrap_or(b'?')
    }

    fn file(&self, filler: &[u8]) -> Vec<u8> {
        let further: String = FURTHER_GLYPHS.iter().map(|name| format!(" /{name}")).collect();
        let second = if self.composed.is_empty() { "" } else { " /F2 7 0 R" };
        let mut objects: Vec<Vec<u8>> = vec![
            b"<< /Type /Catalog /Pages 2 0 R /Lang (de) >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] \
                 /Resources << /Font << /F1 5 0 R{second} >> >> /Contents 4 0 R >>"
            )
            .into_bytes(),
            stream(self.operators.as_bytes()),
            format!(
                "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica \
                 /Encoding << /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [1{further}] >> >>"
            )
            .into_bytes(),
            stream(filler),
        ];
        if !self.composed.is_empty() {
            let (to_unicode, first_drawing) = (objects.len() + 2, objects.len() + 3);
            objects.push(self.second_font(to_unicode, first_drawing).into_bytes());
            objects.push(stream(self.to_unicode().as_bytes()));
            objects.extend(self.composed.iter().map(|composed| stream(drawing(composed).as_bytes())));
        }
        join(&objects)
    }

    fn second_font(&self, to_unicode: usize, first_drawing: usize) -> String {
        let (mut drawings, mut names, mut widths) = (String::new(), String::new(), String::new());
        for (at, composed) in self.composed.iter().enumerate() {
            let name = format!("uni{:04X}", u32::from(composed.letter));
            let _ = write!(drawings, " /{name} {} 0 R", first_drawing + at);
            let _ = write!(names, " /{name}");
            let _ = write!(widths, " {}", composed.width);
        }
        format!(
            "<< /Type /Font /Subtype /Type3 /FontBBox [0 -300 1000 1100] /FontMatrix [0.001 0 0 0.001 0 0] \
             /Resources << /Font << /F1 5 0 R >> >> /CharProcs <<{drawings} >> \
             /Encoding << /Type /Encoding /Differences [1{names}] >> \
             /FirstChar 1 /LastChar {} /Widths [{widths} ] /ToUnicode {to_unicode} 0 R >>",
            self.composed.len(),
        )
    }

    fn to_unicode(&self) -> String {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Letters def\n/CMapType 2 def\n\
             1 begincodespacerange\n<00> <FF>\nendcodespacerange\n",
        );
        let _ = writeln!(map, "{} beginbfchar", self.composed.len());
        for (at, composed) in self.composed.iter().enumerate() {
            let _ = writeln!(map, "<{:02X}> <{:04X}>", at + 1, u32::from(composed.letter));
        }
        map.push_str("endbfchar\nendcmap\nend\nend");
        map
    }
}

/// The drawing of a letter, in thousandths of its size.
fn drawing(composed: &Composed) -> String {
    let mut drawing = format!("{} 0 d0 BT /F1 1000 Tf", composed.width);
    for (code, x, y) in composed.parts() {
        let _ = write!(drawing, " 1 0 0 1 {x} {y} Tm (");
        escape(&mut drawing, code);
        drawing.push_str(") Tj");
    }
    drawing.push_str(" ET");
    drawing
}

/// A code inside a literal string.
fn escape(text: &mut String, code: u8) {
    match code {
        b'(' | b')' | b'\\' => text.extend(['\\', char::from(code)]),
        b' '..=b'~' => text.push(char::from(code)),
        _ => {
            let _ = write!(text, "\\{code:03o}");
        }
    }
}

fn stream(bytes: &[u8]) -> Vec<u8> {
    let mut object = format!("<< /Length {} >>\nstream\n", bytes.len()).into_bytes();
    object.extend_from_slice(bytes);
    object.extend_from_slice(b"\nendstream");
    object
}

/// The file with these objects, and the table that says where they lie.
fn join(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        file.extend_from_slice(format!("{} 0 obj\n", at + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let (count, start) = (objects.len() + 1, file.len());
    let end = format!("xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    file.extend_from_slice(end.as_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: &[(&str, &str)], filler: &[u8]) -> Vec<u8> {
        let rows = rows.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        document("Führungszeugnis (Kopie)", "", &[Section { heading: "Person".into(), rows }], filler)
    }

    #[test]
    fn every_object_lies_where_the_table_says() {
        let file = page(&[("Name", "Ağaoğlu")], &[7; 300]);
        let text = String::from_utf8_lossy(&file).replace('\u{fffd}', "?");
        assert!(text.contains(r"(F\374hrungszeugnis \(Kopie\)) Tj"), "{text}");
        let find = |needle: &[u8]| file.windows(needle.len()).position(|window| window == needle);
        let table = find(b"xref\n0 10\n").expect("a table");
        let rows = String::from_utf8(file[table + 10..].to_vec()).expect("ASCII");
        for (number, row) in rows.lines().take(10).enumerate().skip(1) {
            let at: usize = row[..10].parse().expect("a place");
            assert!(file[at..].starts_with(format!("{number} 0 obj\n").as_bytes()), "object {number}");
        }
        assert!(text.ends_with(&format!("startxref\n{table}\n%%EOF\n")));
    }

    #[test]
    fn letters_beyond_the_font_are_put_together_and_named_to_whoever_copies_them() {
        let text = String::from_utf8_lossy(&page(&[("Name", "Yılmaz Ağaoğlu, Łukasz Trần")], b"")).into_owned();
        let shown =
            [r"(Y\001lmaz A) Tj /F2 10 Tf (\001) Tj /F1 10 Tf (ao) Tj", r"(lu, \002ukasz Tr) Tj /F2 10 Tf (\002) Tj"];
        for shown in shown {
            assert!(text.contains(shown), "{text}");
        }
        assert!(text.contains("2 beginbfchar\n<01> <011F>\n<02> <1EA7>\nendbfchar"), "{text}");
        assert!(
            text.contains(r"556 0 d0 BT /F1 1000 Tf 1 0 0 1 0 0 Tm (g) Tj 1 0 0 1 111 0 Tm (\005) Tj ET"),
            "{text}"
        );
    }

    #[test]
    fn what_does_not_fit_on_the_page_is_left_out() {
        let text = String::from_utf8_lossy(&page(&[("Zeile", "x"); 100], b"")).into_owned();
        assert!(text.matches("(Zeile) Tj").count() < 50, "{text}");
    }
}
