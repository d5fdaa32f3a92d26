//! Any XML document as a form tree: elements by their local names, attributes as `@name`, text beside elements as `#text`.
//!
//! Schemas, namespaces and types are not looked at. A document type declaration is refused before anything is made of it,
//! and only the five predefined entities and character references are known: nothing expands.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{DEEPEST, FormRefused, LONGEST, MOST_ITEMS};
use crate::application::{FormItem, FormValue};

/// Reads an XML 1.0 document in UTF-8.
///
/// # Errors
/// [`FormRefused`] when it is not well-formed, declares a document type or breaks a bound.
pub fn parse(bytes: &[u8]) -> Result<Vec<FormItem>, FormRefused> {
    if bytes.len() > LONGEST {
        return Err(FormRefused::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FormRefused::NotXml)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{FEFF}'));
    reader.config_mut().enable_all_checks(true);
    let mut import = Import { open: Vec::new(), root: None, left: MOST_ITEMS };
    loop {
        match reader.read_event().map_err(|_| FormRefused::NotXml)? {
            Event::Start(start) => import.open(&start)?,
            Event::Empty(start) => {
                import.open(&start)?;
                import.close()?;
            }
            Event::End(_) => import.close()?,
            Event::Text(text) => import.text(&text.xml10_content())?,
            Event::CData(text) => import.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let entity = format!("&{};", &*reference);
                let text = quick_xml::escape::unescape(&entity).map_err(|_| FormRefused::NotXml)?;
                import.text(&text)?;
            }
            Event::DocType(_) => return Err(FormRefused::Doctype),
            Event::Eof => return import.finish(),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
}

/// An import under way.
struct Import {
    open: Vec<Element>,
    root: Option<FormItem>,
    left: usize,
}

/// An element whose end has not been seen.
struct Element {
    name: String,
    children: Vec<FormItem>,
    text: String,
}

impl Import {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), FormRefused> {
        if self.open.len() >= DEEPEST {
            return Err(FormRefused::TooDeep);
        }
        if self.root.is_some() {
            return Err(FormRefused::NotXml);
        }
        self.count()?;
        let name = local(start.name().as_ref()).to_owned();
        let mut children = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| FormRefused::NotXml)?;
            let key: &str = attribute.key.as_ref();
            if key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            self.count()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| FormRefused::NotXml)?;
            children.push(leaf(format!("@{}", local(key)), value.into_owned()));
        }
        self.open.push(Element { name, children, text: String::new() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), FormRefused> {
        let Element { name, mut children, text } = self.open.pop().ok_or(FormRefused::NotXml)?;
        let text = text.trim();
        let item = if children.is_empty() {
            leaf(name, text.to_owned())
        } else {
            if !text.is_empty() {
                children.push(leaf("#text".into(), text.to_owned()));
            }
            FormItem { name, label: None, value: FormValue::Group(children) }
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(item),
            None => self.root = Some(item),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), FormRefused> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(FormRefused::NotXml),
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), FormRefused> {
        self.left = self.left.checked_sub(1).ok_or(FormRefused::TooMany)?;
        Ok(())
    }

    fn finish(self) -> Result<Vec<FormItem>, FormRefused> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(vec![root]),
            _ => Err(FormRefused::NotXml),
        }
    }
}

fn leaf(name: String, text: String) -> FormItem {
    let value = if text.is_empty() { FormValue::Empty } else { FormValue::Text(text) };
    FormItem { name, label: None, value }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, value: &str) -> FormItem {
        leaf(name.into(), value.into())
    }

    #[test]
    fn elements_and_attributes_become_named_values() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <f:antrag xmlns:f="urn:x" id="7"><f:name>Öz &amp; S&#246;hne</f:name><leer/><x><![CDATA[<]]></x></f:antrag>"#;
        let items = parse(xml.as_bytes()).expect("XML");
        let children = vec![text("@id", "7"), text("name", "Öz & Söhne"), text("leer", ""), text("x", "<")];
        assert_eq!(items, [FormItem { name: "antrag".into(), label: None, value: FormValue::Group(children) }]);
    }

    #[test]
    fn a_document_type_is_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>"#;
        assert_eq!(parse(bomb.as_bytes()), Err(FormRefused::Doctype));
    }

    #[test]
    fn an_unknown_entity_is_refused() {
        assert_eq!(parse(b"<a>&b;</a>"), Err(FormRefused::NotXml));
    }

    #[test]
    fn ten_thousand_levels_are_refused() {
        assert_eq!(parse("<a>".repeat(10_000).as_bytes()), Err(FormRefused::TooDeep));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for wrong in ["", "<a>", "<a></b>", "<a/><b/>", "x<a/>", "<a b='1' b='2'/>", "<a/>x", "</a>"] {
            assert_eq!(parse(wrong.as_bytes()), Err(FormRefused::NotXml), "{wrong}");
        }
    }
}
