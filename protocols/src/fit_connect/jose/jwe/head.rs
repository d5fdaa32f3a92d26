//! The protected header of a JWE, with a typed refusal for everything that FIT-Connect does not use.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use crate::fit_connect::jose::{
    base64url,
    header::{LONGEST, Members},
    kid::Kid,
};

/// The media type of the content (`cty`): 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType(String);

/// A text that is no media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a content type has 1 to 255 visible characters")]
pub struct InvalidContentType;

impl ContentType {
    /// `application/json`.
    #[must_use]
    pub fn json() -> Self {
        Self("application/json".to_owned())
    }

    /// `application/xml`.
    #[must_use]
    pub fn xml() -> Self {
        Self("application/xml".to_owned())
    }

    /// The media type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContentType {
    type Err = InvalidContentType;

    fn from_str(text: &str) -> Result<Self, InvalidContentType> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|c| matches!(c, b' '..=b'~'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidContentType) }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a header says; algorithm and encryption are always the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The key it is sealed for: its `kid`, or its fingerprint.
    pub kid: Kid,
    /// The media type of the content.
    pub content_type: Option<ContentType>,
    /// `zip` is `DEF`.
    pub compressed: bool,
}

/// Why a header is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefused {
    /// Longer than 8 KiB.
    #[error("it is too long")]
    TooLong,
    /// Not canonical base64url of a JSON object.
    #[error("it is not base64url of a JSON object")]
    Malformed,
    /// A member stands there twice.
    #[error("a member is there twice")]
    Doubled,
    /// `alg` is not `RSA-OAEP-256`.
    #[error("alg is not RSA-OAEP-256")]
    Algorithm,
    /// `enc` is not `A256GCM`.
    #[error("enc is not A256GCM")]
    Encryption,
    /// `crit` demands an extension; we know none.
    #[error("crit demands an unknown extension")]
    Critical,
    /// It brings or points to a key (`jwk`, `jku`, `x5u`, `x5c`).
    #[error("it carries a key of its own ({0})")]
    EmbeddedKey(&'static str),
    /// `zip` is not `DEF`.
    #[error("zip is not DEF")]
    Compression,
    /// No usable `kid`.
    #[error("kid is absent or not 8 to 64 visible characters")]
    Kid,
    /// `cty` is no media type.
    #[error("cty is no media type")]
    ContentType,
}

/// What a message is in a submission; version 2 looks at the header accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedPart {
    /// Metadata or data.
    Content,
    /// An attachment or a fragment of one.
    Attachment,
}

/// Why version 2 of the Submission API refuses a header that version 1 takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFitForV2 {
    /// `zip` is prohibited.
    #[error("zip is prohibited")]
    Compressed,
    /// `cty` must be `application/json` or `application/xml`.
    #[error("Invalid JWE Header 'cty'")]
    ContentType,
}

impl Header {
    /// Reads the first segment of a message.
    ///
    /// # Errors
    /// Names the first rule that it breaks.
    pub fn parse(segment: &[u8]) -> Result<Self, HeaderRefused> {
        if segment.len() > LONGEST {
            return Err(HeaderRefused::TooLong);
        }
        let json = base64url::decode(segment).map_err(|_| HeaderRefused::Malformed)?;
        let members = Members::parse(&json).ok_or(HeaderRefused::Malformed)?;
        if members.doubled() {
            return Err(HeaderRefused::Doubled);
        }
        if members.text("alg") != Some("RSA-OAEP-256") {
            return Err(HeaderRefused::Algorithm);
        }
        if members.text("enc") != Some("A256GCM") {
            return Err(HeaderRefused::Encryption);
        }
        if members.get("crit").is_some() {
            return Err(HeaderRefused::Critical);
        }
        if let Some(member) = members.embedded_key() {
            return Err(HeaderRefused::EmbeddedKey(member));
        }
        let compressed = match members.get("zip") {
            None => false,
            Some(Value::String(zip)) if zip == "DEF" => true,
            Some(_) => return Err(HeaderRefused::Compression),
        };
        let kid = members.text("kid").unwrap_or_default().parse().map_err(|_| HeaderRefused::Kid)?;
        let content_type = match members.get("cty") {
            None => None,
            Some(Value::String(text)) => Some(text.parse().map_err(|_| HeaderRefused::ContentType)?),
            Some(_) => return Err(HeaderRefused::ContentType),
        };
        Ok(Self { kid, content_type, compressed })
    }

    /// What version 2 demands beyond version 1 (dossier section 4.1).
    ///
    /// # Errors
    /// Names the rule that it breaks.
    pub fn fit_for_v2(&self, part: SealedPart) -> Result<(), NotFitForV2> {
        if self.compressed {
            return Err(NotFitForV2::Compressed);
        }
        match (part, self.content_type.as_ref().map(ContentType::as_str)) {
            (SealedPart::Attachment, _) | (SealedPart::Content, Some("application/json" | "application/xml")) => Ok(()),
            _ => Err(NotFitForV2::ContentType),
        }
    }

    /// The header as a segment.
    pub(super) fn to_segment(&self) -> String {
        let mut members = Map::new();
        let mut put = |name: &str, text: &str| members.insert(name.to_owned(), Value::from(text));
        put("alg", "RSA-OAEP-256");
        put("enc", "A256GCM");
        put("kid", self.kid.as_str());
        if let Some(content_type) = &self.content_type {
            put("cty", content_type.as_str());
        }
        if self.compressed {
            put("zip", "DEF");
        }
        base64url::encode(Value::Object(members).to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Header, HeaderRefused> {
        Header::parse(base64url::encode(json.as_bytes()).as_bytes())
    }

    #[test]
    fn a_header_reads_back_what_it_writes() {
        let header = Header {
            kid: "schluessel-1".parse().expect("a kid"),
            content_type: Some(ContentType::json()),
            compressed: false,
        };
        assert_eq!(Header::parse(header.to_segment().as_bytes()), Ok(header));
    }

    #[test]
    fn every_hostile_header_is_refused_by_name() {
        let good = r#""alg":"RSA-OAEP-256","enc":"A256GCM","kid":"12345678""#;
        let cases = [
            (r#"{"alg":"RSA1_5","enc":"A256GCM","kid":"12345678"}"#.to_owned(), HeaderRefused::Algorithm),
            (r#"{"alg":7,"enc":"A256GCM","kid":"12345678"}"#.to_owned(), HeaderRefused::Algorithm),
            (r#"{"alg":"RSA-OAEP-256","enc":"A128GCM","kid":"12345678"}"#.to_owned(), HeaderRefused::Encryption),
            (format!(r#"{{{good},"crit":[]}}"#), HeaderRefused::Critical),
            (format!(r#"{{{good},"jwk":{{}}}}"#), HeaderRefused::EmbeddedKey("jwk")),
            (format!(r#"{{{good},"jku":"https://x"}}"#), HeaderRefused::EmbeddedKey("jku")),
            (format!(r#"{{{good},"x5u":"https://x"}}"#), HeaderRefused::EmbeddedKey("x5u")),
            (format!(r#"{{{good},"zip":"GZIP"}}"#), HeaderRefused::Compression),
            (format!(r#"{{{good},"zip":null}}"#), HeaderRefused::Compression),
            (format!(r#"{{{good},"cty":1}}"#), HeaderRefused::ContentType),
            (format!(r#"{{{good},"alg":"RSA-OAEP-256"}}"#), HeaderRefused::Doubled),
            (r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#.to_owned(), HeaderRefused::Kid),
            (r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"kurz"}"#.to_owned(), HeaderRefused::Kid),
            (r#"["alg"]"#.to_owned(), HeaderRefused::Malformed),
            ("[".repeat(5_000), HeaderRefused::Malformed),
            (format!(r#"{{{good},"x":"{}"}}"#, "x".repeat(LONGEST)), HeaderRefused::TooLong),
        ];
        for (json, refused) in cases {
            assert_eq!(parse(&json).err(), Some(refused), "{json:.80}");
        }
    }

    #[test]
    fn version_2_wants_a_content_type_and_no_compression() {
        let header = |more: &str| parse(&format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"12345678"{more}}}"#));
        let verdict = |more| header(more).expect("legal in version 1").fit_for_v2(SealedPart::Content);
        assert_eq!(verdict(r#","cty":"application/xml""#), Ok(()));
        assert_eq!(verdict(r#","cty":"application/pdf""#), Err(NotFitForV2::ContentType));
        assert_eq!(verdict(""), Err(NotFitForV2::ContentType));
        assert_eq!(verdict(r#","cty":"application/json","zip":"DEF""#), Err(NotFitForV2::Compressed));
    }
}
