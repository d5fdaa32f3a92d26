//! Long values, deflated (RFC 1951) before they are sealed, so that a large form fits into one record.
//!
//! Only what would not fit otherwise is touched; everything else keeps its bytes. A deflated envelope carries the highest bit
//! of its schema, in clear and under the seal; what comes out again is bounded before it is there.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use crate::{codec::CodecError, gcm::OVERHEAD, journal::MAX_BODY};

/// The highest bit of a schema: the rest of the envelope is deflated. Schemas themselves stay below.
const SHRUNK: u8 = 0x80;
/// The longest value that is deflated, and the longest that is let come out again, in bytes.
pub const LONGEST: usize = 1 << 20;

/// How many bytes of a record's body an envelope takes; more than [`MAX_BODY`] if it can not be sealed. As slow as deflating
/// it, where it is long.
#[must_use]
pub fn sealed_length(envelope: &[u8]) -> usize {
    match shrunk(envelope) {
        Ok(Some(short)) => short.len() + OVERHEAD,
        Ok(None) => envelope.len() + OVERHEAD,
        Err(_) => usize::MAX,
    }
}

/// A short form of an envelope that would not fit as it is.
pub(crate) fn shrunk(envelope: &[u8]) -> Result<Option<Vec<u8>>, CodecError> {
    let (&schema, body) = envelope.split_first().ok_or(CodecError::Empty)?;
    if schema & SHRUNK != 0 {
        return Err(CodecError::UnknownSchema { found: schema });
    }
    if envelope.len() + OVERHEAD <= MAX_BODY {
        return Ok(None);
    }
    if envelope.len() > LONGEST {
        return Err(CodecError::Unencodable);
    }
    let mut encoder = DeflateEncoder::new(vec![schema | SHRUNK], Compression::default());
    encoder.write_all(body).map_err(|_| CodecError::Unencodable)?;
    encoder.finish().map(Some).map_err(|_| CodecError::Unencodable)
}

/// The envelope as it was before [`shrunk`].
pub(crate) fn whole(sealed: Vec<u8>) -> Result<Vec<u8>, CodecError> {
    let (&schema, body) = sealed.split_first().ok_or(CodecError::Empty)?;
    if schema & SHRUNK == 0 {
        return Ok(sealed);
    }
    let mut envelope = vec![schema & !SHRUNK];
    let mut bounded = DeflateDecoder::new(body).take(LONGEST as u64);
    bounded.read_to_end(&mut envelope).map_err(|_| CodecError::Malformed)?;
    if envelope.len() > LONGEST { Err(CodecError::Malformed) } else { Ok(envelope) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(length: usize) -> Vec<u8> {
        let text = (0..).flat_map(|number: u32| format!("Feld {number}: Wert; ").into_bytes());
        std::iter::once(1).chain(text).take(length).collect()
    }

    #[test]
    fn what_fits_keeps_its_bytes() {
        let fits = envelope(MAX_BODY - OVERHEAD);
        assert_eq!(shrunk(&fits), Ok(None));
        assert_eq!(whole(fits.clone()), Ok(fits));
    }

    #[test]
    fn what_does_not_fit_becomes_short_and_comes_out_as_it_was() {
        for length in [MAX_BODY - OVERHEAD + 1, 600_000, LONGEST] {
            let long = envelope(length);
            let short = shrunk(&long).expect("is deflated").expect("is too long");
            assert!(sealed_length(&long) == short.len() + OVERHEAD && short.len() < long.len() / 3, "{}", short.len());
            assert_eq!(whole(short), Ok(long));
        }
    }

    #[test]
    fn what_comes_out_is_bounded() {
        assert_eq!(shrunk(&envelope(LONGEST + 1)), Err(CodecError::Unencodable));
        let mut bomb = DeflateEncoder::new(vec![1 | SHRUNK], Compression::default());
        bomb.write_all(&vec![0; 3 * LONGEST]).expect("deflates");
        assert_eq!(whole(bomb.finish().expect("deflates")), Err(CodecError::Malformed));
    }

    #[test]
    fn a_schema_never_has_the_highest_bit_itself() {
        assert_eq!(shrunk(&[0x81, 0]), Err(CodecError::UnknownSchema { found: 0x81 }));
        assert_eq!(whole(vec![0x81, 0xff]), Err(CodecError::Malformed));
    }
}
