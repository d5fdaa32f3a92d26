//! Fields of a form or a query string: names and values in order, repeated names allowed, blank values as none.

use bytes::Bytes;

/// The most fields that are looked at.
const MOST: usize = 64;

/// Decoded fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields in `application/x-www-form-urlencoded` text. Anything decodes to something.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let owned = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| (name.into(), value.into());
        Self(form_urlencoded::parse(text).take(MOST).map(owned).collect())
    }

    /// The first value of this name that is not blank, trimmed.
    pub(crate) fn get<'f>(&'f self, name: &str) -> Option<&'f str> {
        self.values(name).next()
    }

    /// All values of this name that are not blank, trimmed.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.values(name)
    }

    fn values<'f, 'n>(&'f self, name: &'n str) -> impl Iterator<Item = &'f str> + use<'f, 'n> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The first value of this name exactly as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl From<Bytes> for Fields {
    fn from(body: Bytes) -> Self {
        Self::parse(&body)
    }
}

/// Writes fields as a query string, without the question mark.
pub(crate) fn encode<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        out.append_pair(name, value);
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_values_count_as_none_and_repeated_names_stay() {
        let fields = Fields::parse("status=NEU&status=&status=ANGENOMMEN&suche=%20M%C3%BCller+".as_bytes());
        assert_eq!(fields.all("status").collect::<Vec<_>>(), ["NEU", "ANGENOMMEN"]);
        assert_eq!((fields.get("suche"), fields.raw("suche")), (Some("Müller"), Some(" Müller ")));
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = encode([("suche", "a&b=ü"), ("ansicht", "alle")]);
        assert_eq!(Fields::parse(text.as_bytes()).get("suche"), Some("a&b=ü"));
    }
}
