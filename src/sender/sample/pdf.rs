//! Small PDF documents (PDF 1.4, one page, one built-in font): enough to be shown, not more.

use std::fmt::Write as _;

/// A page with these lines. The filler makes the file as large as wished; it is an object that no page shows.
#[must_use]
pub fn document(lines: &[&str], filler: &[u8]) -> Vec<u8> {
    let mut page = String::from("BT /F1 14 Tf 72 770 Td 20 TL\n");
    for line in lines {
        // Writing into a string does not fail.
        let _ = writeln!(page, "({}) Tj T*", escaped(line));
    }
    page.push_str("ET\n");
    let objects: [Vec<u8>; 6] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>"
            .to_vec(),
        stream(page.as_bytes()),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
        stream(filler),
    ];
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

fn stream(bytes: &[u8]) -> Vec<u8> {
    let mut object = format!("<< /Length {} >>\nstream\n", bytes.len()).into_bytes();
    object.extend_from_slice(bytes);
    object.extend_from_slice(b"\nendstream");
    object
}

/// The text in the font's encoding, as ASCII with octal escapes. Letters that it does not have become a question mark.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '(' | ')' | '\\' => escaped.extend(['\\', letter]),
            ' '..='~' => escaped.push(letter),
            '\u{a0}'..='\u{ff}' => {
                let _ = write!(escaped, "\\{:03o}", u32::from(letter));
            }
            '’' => escaped.push_str("\\222"),
            _ => escaped.push('?'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_lies_where_the_table_says() {
        let file = document(&["Führungszeugnis (Kopie)", "Łukasz"], &[7; 300]);
        let text = String::from_utf8_lossy(&file).replace('\u{fffd}', "?");
        assert!(text.contains(r"F\374hrungszeugnis \(Kopie\)") && text.contains("?ukasz"));
        let find = |needle: &[u8], from: usize| {
            file.windows(needle.len()).skip(from).position(|window| window == needle).map(|at| at + from)
        };
        let table = find(b"xref\n0 7\n", 0).expect("a table");
        let rows = String::from_utf8(file[table + 9..].to_vec()).expect("ASCII");
        for (number, row) in rows.lines().take(7).enumerate().skip(1) {
            let at: usize = row[..10].parse().expect("a place");
            assert!(file[at..].starts_with(format!("{number} 0 obj\n").as_bytes()), "object {number}");
        }
        assert!(text.ends_with(&format!("startxref\n{table}\n%%EOF\n")));
    }
}
