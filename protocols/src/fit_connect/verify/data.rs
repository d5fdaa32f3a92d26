//! Stage 4: the data (Fachdaten): there, untouched, and of the schema that they claim.

use quick_xml::events::Event;

use super::{Check, OpenedPart, Problem, Stop, reject_if};
use crate::{
    fit_connect::{
        hash::ContentHash,
        metadata::{DataFormat, DataPart, DataSchema},
        tag::AuthenticationTag,
    },
    forms::json,
};

/// What the schema says of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaVerdict {
    /// They follow it.
    Valid,
    /// Nobody has installed it: accepted, marked "ungeprüft".
    Unchecked,
    /// They break it at these places (without what stands there).
    Violated(Vec<String>),
}

/// Knows the installed data schemas.
pub trait ValidateData {
    /// Judges data that are well-formed in their format.
    fn validate(&self, schema: &DataSchema, data: &[u8]) -> SchemaVerdict;
}

/// What the data are judged by.
#[derive(Debug, Clone, Copy)]
pub struct DataCheck<'a> {
    /// Their tag in the event log.
    pub tag: Option<&'a AuthenticationTag>,
    /// What the metadata say of them.
    pub described: Option<&'a DataPart>,
}

impl DataCheck<'_> {
    /// Judges the data; `None` is a submission without. Answers what their schema says.
    ///
    /// # Errors
    /// Rejects what is absent, changed or does not follow its schema; asks for a retry when our key is not known.
    pub fn judge(&self, part: Option<&OpenedPart>, schemas: &dyn ValidateData) -> Result<SchemaVerdict, Stop> {
        let Some(part) = part else {
            let expected = self.tag.is_some() || self.described.is_some();
            let problem = expected.then(|| Check::DataPresent.problem("Die Einreichung enthält keine Fachdaten."));
            reject_if(problem.into_iter().collect())?;
            return Ok(SchemaVerdict::Unchecked);
        };
        if let Some(problem) = self.tag.and_then(|tag| part.carries(tag, Check::DataTag)) {
            return Err(Stop::Reject(vec![problem]));
        }
        let data = part.content.as_ref().map_err(|unreadable| unreadable.stop(Check::DataDecrypt, None))?;
        // 1.x allows data that the metadata do not describe; the table says nothing against them.
        let Some(described) = self.described else { return Ok(SchemaVerdict::Unchecked) };
        let mut problems = Vec::new();
        if ContentHash::of(data) != described.hash {
            let detail = "Die Prüfsumme der Fachdaten ist nicht die der Metadaten.";
            problems.push(Check::DataHash.problem(detail));
        }
        let verdict = if is_well_formed(data, described.schema.format) {
            schemas.validate(&described.schema, data)
        } else {
            problems.push(Check::DataSyntax.problem("Die Fachdaten sind nicht wohlgeformt."));
            SchemaVerdict::Unchecked
        };
        if let SchemaVerdict::Violated(places) = &verdict {
            problems.push(schema_problem(places));
        }
        reject_if(problems)?;
        Ok(verdict)
    }
}

fn schema_problem(places: &[String]) -> Problem {
    const SHOWN: usize = 20;
    let shown = places[..places.len().min(SHOWN)].join(", ");
    Check::DataSchema.problem(format!("Die Fachdaten verletzen ihr Schema: {shown}"))
}

fn is_well_formed(data: &[u8], format: DataFormat) -> bool {
    match format {
        DataFormat::Json => json::is_well_formed(data),
        DataFormat::Xml => is_well_formed_xml(data),
        DataFormat::Jose => std::str::from_utf8(data).is_ok(),
    }
}

/// One root, every element closed by its own name. Entities are not expanded, so nothing can grow. A document that
/// says it is not UTF-8 cannot be judged here and is not held against its sender.
fn is_well_formed_xml(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return names_other_encoding(data) };
    let mut reader = quick_xml::Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut depth, mut roots) = (0_u32, 0_u32);
    loop {
        match reader.read_event() {
            Err(_) => return false,
            Ok(Event::Eof) => return depth == 0 && roots == 1,
            Ok(Event::Start(element)) => {
                roots += u32::from(depth == 0);
                depth += 1;
                if element.attributes().any(|attribute| attribute.is_err()) {
                    return false;
                }
            }
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::Empty(element)) => {
                roots += u32::from(depth == 0);
                if element.attributes().any(|attribute| attribute.is_err()) {
                    return false;
                }
            }
            Ok(Event::Text(text)) if depth == 0 && !text.trim_ascii().is_empty() => return false,
            Ok(Event::CData(_) | Event::GeneralRef(_)) if depth == 0 => return false,
            Ok(_) => {}
        }
    }
}

fn names_other_encoding(data: &[u8]) -> bool {
    let utf_16 = data.starts_with(&[0xfe, 0xff]) || data.starts_with(&[0xff, 0xfe]);
    let declaration = String::from_utf8_lossy(&data[..data.len().min(200)]).to_ascii_lowercase();
    let declaration = declaration.split("?>").next().unwrap_or_default();
    utf_16 || (declaration.contains("encoding") && !declaration.contains("utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_xml_is_told_from_the_rest() {
        for good in
            ["<a/>", "<?xml version=\"1.0\"?>\n<a b=\"c\"><d>ä</d></a>\n", "\u{feff}<a></a>", "<!-- x --><a>&amp;</a>"]
        {
            assert!(is_well_formed_xml(good.as_bytes()), "{good}");
        }
        for wrong in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "</a>", "<a b=c/>", "<a b=\"1\" b=\"2\"/>", "<a"]
        {
            assert!(!is_well_formed_xml(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn xml_in_another_encoding_is_only_refused_when_it_does_not_say_so() {
        assert!(is_well_formed_xml(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>"));
        assert!(!is_well_formed_xml(b"<?xml version='1.0' encoding='UTF-8'?><a>\xe4</a>"));
        assert!(!is_well_formed_xml(b"<a>\xe4</a>"));
    }

    #[test]
    fn xml_a_hundred_thousand_levels_deep_is_no_danger() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        assert!(is_well_formed_xml(deep.as_bytes()));
    }

    #[test]
    fn json_is_judged_by_its_grammar_and_not_by_what_a_number_or_an_escape_would_become() {
        for good in ["\u{feff}{\"a\":1}", "[1e400,-1E-999]", r#"{"\ud800":"\udfff x"}"#, " 7 ", r#"[{"a":1},{"a":2}]"#]
        {
            assert!(is_well_formed(good.as_bytes(), DataFormat::Json), "{good}");
        }
        for wrong in ["", "\u{feff}", "{\"a\":1}}", "[1 2]", "[01]", "[1e]", r#""\u12""#, "\"\u{1}\"", "[}", "nul"] {
            assert!(!is_well_formed(wrong.as_bytes(), DataFormat::Json), "{wrong}");
        }
        assert!(!is_well_formed(b"\"\xff\"", DataFormat::Json), "no UTF-8");
    }

    #[test]
    fn json_ten_thousand_levels_deep_is_a_violation_of_syntax() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(!is_well_formed(deep.as_bytes(), DataFormat::Json));
    }
}
