//! What the machine could do at best: raw RSA operations and raw durable appends.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey},
    signature::{RSA_PSS_SHA512, RsaKeyPair},
};

/// The space that [`RawAppend::Preallocated`] goes round in.
const SPACE: usize = 64 << 20;

/// How raw appends are written between two `fdatasync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawAppend {
    /// One write for each record, at the end of the file.
    EachRecord,
    /// One write for all records of a batch, at the end of the file.
    WholeBatch,
    /// One write for all records of a batch, over zeros that are on the disk already: the file does not grow.
    Preallocated,
}

impl RawAppend {
    /// Raw appends per second: `batch` records of `bytes` each, then one `fdatasync`, for this long.
    pub fn per_second(self, directory: &Path, bytes: usize, batch: usize, time: Duration) -> f64 {
        let path = directory.join("raw.log");
        let mut file = File::create(&path).expect("the bench directory is writable");
        let all = vec![0x5a; bytes * batch];
        let preallocated = self == Self::Preallocated;
        if preallocated {
            file.write_all(&vec![0; SPACE]).expect("space is left");
            file.sync_all().expect("the disk syncs");
            file.rewind().expect("a file has a start");
        }
        let (start, mut records, mut end) = (Instant::now(), 0_usize, 0);
        while start.elapsed() < time {
            if preallocated && end + all.len() > SPACE {
                file.rewind().expect("a file has a start");
                end = 0;
            }
            let pieces = if self == Self::EachRecord { bytes } else { all.len() };
            for piece in all.chunks(pieces) {
                file.write_all(piece).expect("space is left");
            }
            file.sync_data().expect("the disk syncs");
            (records, end) = (records + batch, end + all.len());
        }
        let rate = records as f64 / start.elapsed().as_secs_f64();
        std::fs::remove_file(path).expect("was just written");
        rate
    }
}

/// The RSA-4096 operations of one core, and of all cores at once.
#[derive(Debug)]
pub struct Rsa {
    decrypt: OaepPrivateDecryptingKey,
    sealed: Vec<u8>,
    sign: RsaKeyPair,
}

impl Rsa {
    /// A fresh key pair and something to decrypt.
    pub fn new() -> Self {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).expect("keys can be made");
        let encrypt = OaepPublicEncryptingKey::new(key.public_key()).expect("a fresh key");
        let mut sealed = vec![0; encrypt.ciphertext_size()];
        encrypt.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut sealed, None).expect("32 bytes fit");
        let sign = RsaKeyPair::generate(KeySize::Rsa4096).expect("keys can be made");
        Self { decrypt: OaepPrivateDecryptingKey::new(key).expect("a fresh key"), sealed, sign }
    }

    /// How often per second all cores together do `decrypts` OAEP decryptions and one PS512 signature.
    pub fn submissions_per_second(&self, decrypts: usize, cores: usize, time: Duration) -> f64 {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(|| self.rounds_per_second(decrypts, time))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).sum()
        })
    }

    fn rounds_per_second(&self, decrypts: usize, time: Duration) -> f64 {
        let (mut plain, mut signature) = (vec![0; 512], vec![0; self.sign.public_modulus_len()]);
        let random = SystemRandom::new();
        let (start, mut rounds) = (Instant::now(), 0_u32);
        while start.elapsed() < time {
            for _ in 0..decrypts {
                self.decrypt.decrypt(&OAEP_SHA256_MGF1SHA256, &self.sealed, &mut plain, None).expect("our own key");
            }
            self.sign.sign(&RSA_PSS_SHA512, &random, b"header.payload", &mut signature).expect("a 4096 bit key");
            rounds += 1;
        }
        f64::from(rounds) / start.elapsed().as_secs_f64()
    }
}
