//! How values become bytes: bincode 2 inside an envelope `[schema u8][body]`. No other file touches bincode.
//!
//! bincode does not describe itself, so the schema says what the body is: an unknown one is an error, never a guess, and a
//! body has to be consumed exactly. Shipped types never change; a newer type takes a new schema and reads the older ones
//! through [`Schema::older`]. Types encoded here must not use `flatten`, `untagged`, `skip_serializing_if` or
//! `serde_json::Value`, and carry bytes as `serde_bytes`.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Serialize, de::DeserializeOwned};

/// The longest encoded value in bytes.
pub const MAX_ENCODED: usize = 16 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_ENCODED>> =
    bincode::config::standard().with_limit::<MAX_ENCODED>();

/// Bytes that are not what they should be, or a value that can not become bytes. Names no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// There is not even a schema.
    #[error("the value is empty")]
    Empty,
    /// Written under a schema that this program does not know.
    #[error("schema {found} is not known")]
    UnknownSchema {
        /// The schema found.
        found: u8,
    },
    /// The body does not fit its type.
    #[error("the body does not decode")]
    Malformed,
    /// The body goes on after its value.
    #[error("{left} bytes are left over")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// The type can not be encoded, or is longer than [`MAX_ENCODED`].
    #[error("the value does not encode")]
    Unencodable,
}

/// A frozen schema of a type and the way from older ones.
#[derive(Debug)]
pub struct Schema<T> {
    /// The schema that is written; below 128, because the highest bit says that the rest is deflated.
    pub current: u8,
    /// Reads a body of an older schema as the current type; answers [`CodecError::UnknownSchema`] for one it does not know.
    pub older: fn(u8, &[u8]) -> Result<T, CodecError>,
}

impl<T> Clone for Schema<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Schema<T> {}

impl<T> Schema<T> {
    /// A type of which no older schema was ever shipped.
    #[must_use]
    pub const fn first(current: u8) -> Self {
        Self { current, older: |found, _| Err(CodecError::UnknownSchema { found }) }
    }
}

impl<T: Serialize + DeserializeOwned> Schema<T> {
    /// The envelope around a value.
    ///
    /// # Errors
    /// [`CodecError::Unencodable`].
    pub fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        encode(self.current, value)
    }

    /// The value in an envelope, also of an older schema.
    ///
    /// # Errors
    /// Any other [`CodecError`].
    pub fn decode(&self, envelope: &[u8]) -> Result<T, CodecError> {
        let (&found, body) = envelope.split_first().ok_or(CodecError::Empty)?;
        if found == self.current { decode_body(body) } else { (self.older)(found, body) }
    }
}

/// The envelope around a value.
///
/// # Errors
/// [`CodecError::Unencodable`].
pub fn encode<T: Serialize>(schema: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut envelope = Vec::with_capacity(128);
    envelope.push(schema);
    #[expect(clippy::disallowed_methods, reason = "this is the one file that writes bincode")]
    bincode::serde::encode_into_std_write(value, &mut envelope, CONFIG).map_err(|_| CodecError::Unencodable)?;
    if envelope.len() > MAX_ENCODED { Err(CodecError::Unencodable) } else { Ok(envelope) }
}

/// A body without its envelope; for reading frozen schemas.
///
/// # Errors
/// [`CodecError::Malformed`] or [`CodecError::Trailing`].
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one file that reads bincode")]
    let (value, used) = bincode::serde::decode_from_slice(body, CONFIG).map_err(|_| CodecError::Malformed)?;
    match body.len() - used {
        0 => Ok(value),
        left => Err(CodecError::Trailing { left }),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    enum Happened {
        Nothing,
        Named { name: String, count: u32 },
    }

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Counted(u32);

    const SCHEMA: Schema<Happened> = Schema {
        current: 2,
        older: |found, body| match found {
            1 => decode_body(body).map(|Counted(count)| Happened::Named { name: String::new(), count }),
            _ => Err(CodecError::UnknownSchema { found }),
        },
    };

    #[test]
    fn golden_bytes_of_the_envelope() {
        let bytes = SCHEMA.encode(&Happened::Named { name: "ab".into(), count: 300 });
        assert_eq!(bytes, Ok(vec![2, 1, 2, b'a', b'b', 251, 44, 1]));
        assert_eq!(encode(1, &Happened::Nothing), Ok(vec![1, 0]));
    }

    #[test]
    fn an_older_schema_is_read_as_the_current_type() {
        assert_eq!(SCHEMA.decode(&[1, 7]), Ok(Happened::Named { name: String::new(), count: 7 }));
    }

    #[test]
    fn an_unknown_schema_is_an_error_and_never_a_guess() {
        assert_eq!(SCHEMA.decode(&[3, 0]), Err(CodecError::UnknownSchema { found: 3 }));
        assert_eq!(Schema::<Happened>::first(1).decode(&[2, 0]), Err(CodecError::UnknownSchema { found: 2 }));
        assert_eq!(SCHEMA.decode(&[]), Err(CodecError::Empty));
    }

    #[test]
    fn a_body_is_consumed_exactly() {
        assert_eq!(SCHEMA.decode(&[2, 0, 0]), Err(CodecError::Trailing { left: 1 }));
        assert_eq!(SCHEMA.decode(&[2, 1, 2, b'a']), Err(CodecError::Malformed));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_it_is_allocated() {
        assert_eq!(SCHEMA.decode(&[2, 1, 253, 0, 0, 0, 0, 0, 0, 0, 1]), Err(CodecError::Malformed));
    }
}
