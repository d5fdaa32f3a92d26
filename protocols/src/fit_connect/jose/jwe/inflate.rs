//! `zip: DEF` (RFC 7516 section 4.1.3, raw RFC 1951) with a bound on what comes out.

use flate2::{Decompress, FlushDecompress, Status};

use super::JweRefused;

const CHUNK: usize = 64 * 1024;

/// Inflates a stream that arrives in pieces.
pub(super) struct Inflater {
    state: Decompress,
    left: u64,
    ended: bool,
    buffer: Vec<u8>,
}

impl Inflater {
    pub(super) fn new(bound: u64) -> Self {
        Self { state: Decompress::new(false), left: bound, ended: false, buffer: vec![0; CHUNK] }
    }

    /// Inflates the next piece and hands out what comes of it, at most 64 KiB at a time.
    pub(super) fn push<E: From<JweRefused>>(
        &mut self,
        mut input: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.ended {
                // Bytes behind the end of the stream are nobody's content.
                return if input.is_empty() { Ok(()) } else { Err(JweRefused::Inflate.into()) };
            }
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(input, &mut self.buffer, FlushDecompress::None)
                .map_err(|_| JweRefused::Inflate)?;
            let read = usize::try_from(self.state.total_in() - before_in).map_err(|_| JweRefused::Inflate)?;
            let made = self.state.total_out() - before_out;
            input = input.get(read..).ok_or(JweRefused::Inflate)?;
            self.left = self.left.checked_sub(made).ok_or(JweRefused::TooLarge)?;
            let made = usize::try_from(made).map_err(|_| JweRefused::Inflate)?;
            out(&self.buffer[..made])?;
            self.ended = status == Status::StreamEnd;
            if read == 0 && made == 0 && !self.ended {
                return Ok(());
            }
        }
    }

    /// The stream must have ended by itself.
    pub(super) fn finish(&self) -> Result<(), JweRefused> {
        if self.ended { Ok(()) } else { Err(JweRefused::Inflate) }
    }
}

/// Inflates a whole message.
pub(super) fn whole(compressed: &[u8], bound: u64) -> Result<Vec<u8>, JweRefused> {
    let mut inflater = Inflater::new(bound);
    let mut content = Vec::new();
    inflater.push(compressed, |piece| -> Result<(), JweRefused> {
        content.extend_from_slice(piece);
        Ok(())
    })?;
    inflater.finish()?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn content_of_exactly_the_bound_is_taken() {
        let content = vec![7; 200_000];
        assert_eq!(whole(&deflated(&content), 200_000), Ok(content));
    }

    #[test]
    fn one_byte_more_is_refused() {
        assert_eq!(whole(&deflated(&vec![7; 200_001]), 200_000), Err(JweRefused::TooLarge));
    }

    #[test]
    fn a_cut_or_lengthened_stream_is_refused() {
        let good = deflated(b"Hallo");
        assert_eq!(whole(&good[..good.len() - 1], 100), Err(JweRefused::Inflate));
        assert_eq!(whole(&[&good[..], b"x"].concat(), 100), Err(JweRefused::Inflate));
        assert_eq!(whole(&[0xff; 20], 100), Err(JweRefused::Inflate));
    }
}
