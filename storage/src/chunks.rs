//! Sealing a long stream of bytes in chunks (the STREAM construction): each chunk is sealed under its counter and whether
//! it is the last, so chunks can be opened one by one, and none can be dropped, swapped or cut off unnoticed.
//!
//! Nonce: 7 random bytes, counter (4, big-endian), 1 for the last chunk or 0. One key seals one stream only.

use std::io;

use crate::{
    disk::DiskFile,
    gcm::{Gcm, NotAuthentic},
    random::NoRandomness,
};

/// Bytes that sealing adds to each chunk.
pub(crate) const TAG: usize = 16;
/// Length of the random part of the nonce.
pub(crate) const PREFIX: usize = 7;

/// How a sealed stream lies in its file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Where the first chunk begins.
    pub(crate) start: u64,
    /// Plaintext bytes of every chunk but the last, which has 0 to as many.
    pub(crate) chunk: usize,
    pub(crate) prefix: [u8; PREFIX],
    pub(crate) aad: Vec<u8>,
}

impl Layout {
    fn nonce(&self, counter: u32, last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..11].copy_from_slice(&counter.to_be_bytes());
        nonce[11] = u8::from(last);
        nonce
    }

    fn offset(&self, counter: u32) -> u64 {
        self.start + u64::from(counter) * (self.chunk + TAG) as u64
    }

    /// Number of the last chunk and length of its plaintext in a file of this length; `None` if no stream has it.
    pub(crate) fn shape(&self, length: u64) -> Option<(u32, usize)> {
        let body = length.checked_sub(self.start)?;
        let sealed = (self.chunk + TAG) as u64;
        // A full last chunk ends the file; an empty one exists only in an empty stream.
        let last = body.checked_sub(1)? / sealed;
        let rest = usize::try_from(body - last * sealed).ok()?.checked_sub(TAG)?;
        (rest > 0 || last == 0).then_some((u32::try_from(last).ok()?, rest))
    }
}

/// Writes a sealed stream.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    layout: Layout,
    cipher: Gcm,
    counter: u32,
    pending: Vec<u8>,
}

impl ChunkWriter {
    pub(crate) fn new(layout: Layout, cipher: Gcm) -> Self {
        let pending = Vec::with_capacity(layout.chunk + TAG);
        Self { layout, cipher, counter: 0, pending }
    }

    /// Takes these bytes; whole chunks go to the file once it is known that they are not the last.
    pub(crate) fn write(&mut self, file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.pending.len() == self.layout.chunk {
                self.flush(file, false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.layout.chunk - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes the last chunk. The length of the plaintext.
    pub(crate) fn finish(mut self, file: &dyn DiskFile) -> io::Result<u64> {
        let length = u64::from(self.counter) * self.layout.chunk as u64 + self.pending.len() as u64;
        self.flush(file, true)?;
        Ok(length)
    }

    fn flush(&mut self, file: &dyn DiskFile, last: bool) -> io::Result<()> {
        let nonce = self.layout.nonce(self.counter, last);
        let unsealed = |NoRandomness| io::Error::other("the chunk does not seal");
        self.cipher.seal_in_place(nonce, &self.layout.aad, &mut self.pending).map_err(unsealed)?;
        file.write_at(self.layout.offset(self.counter), &self.pending)?;
        self.pending.clear();
        self.counter = self.counter.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(())
    }
}

/// Why a chunk is not to be had.
#[derive(Debug)]
pub(crate) enum ChunkError {
    File(io::Error),
    /// The first chunk that does not open.
    Damaged(u32),
}

/// Reads a sealed stream; holds one chunk.
#[derive(Debug)]
pub(crate) struct ChunkReader {
    layout: Layout,
    cipher: Gcm,
    last: u32,
    length: u64,
    held: Option<u32>,
    chunk: Vec<u8>,
}

impl ChunkReader {
    /// Opens the stream in a file. The last chunk is opened at once: the length is what was sealed.
    pub(crate) fn open(file: &dyn DiskFile, layout: Layout, cipher: Gcm) -> Result<Self, ChunkError> {
        let length = file.len().map_err(ChunkError::File)?;
        let (last, rest) = layout.shape(length).ok_or(ChunkError::Damaged(0))?;
        let length = u64::from(last) * layout.chunk as u64 + rest as u64;
        let mut reader = Self { layout, cipher, last, length, held: None, chunk: Vec::new() };
        reader.chunk(file, last)?;
        Ok(reader)
    }

    /// Length of the plaintext.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// The plaintext from `offset` to the end of its chunk; empty at the end of the stream.
    pub(crate) fn read(&mut self, file: &dyn DiskFile, offset: u64) -> Result<&[u8], ChunkError> {
        if offset >= self.length {
            return Ok(&[]);
        }
        let size = self.layout.chunk as u64;
        let counter = u32::try_from(offset / size).map_err(|_| ChunkError::Damaged(u32::MAX))?;
        let within = usize::try_from(offset % size).unwrap_or(usize::MAX);
        let chunk = self.chunk(file, counter)?;
        Ok(chunk.get(within..).unwrap_or(&[]))
    }

    fn chunk(&mut self, file: &dyn DiskFile, counter: u32) -> Result<&[u8], ChunkError> {
        if self.held != Some(counter) {
            self.held = None;
            let size = self.layout.chunk as u64;
            let plain = (self.length - u64::from(counter) * size).min(size);
            self.chunk.resize(usize::try_from(plain).unwrap_or(usize::MAX) + TAG, 0);
            file.read_at(self.layout.offset(counter), &mut self.chunk).map_err(ChunkError::File)?;
            let nonce = self.layout.nonce(counter, counter == self.last);
            let damaged = |NotAuthentic| ChunkError::Damaged(counter);
            let length = self.cipher.open_in_place(nonce, &self.layout.aad, &mut self.chunk).map_err(damaged)?;
            self.chunk.truncate(length);
            self.held = Some(counter);
        }
        Ok(&self.chunk)
    }
}
