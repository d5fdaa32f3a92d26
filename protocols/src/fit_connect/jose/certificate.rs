//! A self-signed certificate for a fresh key (X.509 v3, RSASSA-PSS with SHA-512), as test environments accept it.
//!
//! Production uses the administration's PKI (V-PKI); such chains come with the key file and are never made here.

use super::{
    der::{self, integer, value},
    jwk::EXPONENT,
};

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.8
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
/// 1.2.840.113549.1.1.10
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// 2.16.840.1.101.3.4.2.3
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SALT_BYTES: u8 = 64;

/// The part of a certificate that is signed.
pub(super) fn to_be_signed(modulus: &[u8], name: &str, serial: [u8; 16], not_before: &str, not_after: &str) -> Vec<u8> {
    let mut serial = serial;
    // A serial number is positive and not zero (RFC 5280 section 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    let common_name = value(
        der::SEQUENCE,
        &[&value(der::OBJECT_IDENTIFIER, &[COMMON_NAME]), &value(der::UTF8_STRING, &[name.as_bytes()])],
    );
    let subject = value(der::SEQUENCE, &[&value(der::SET, &[&common_name])]);
    let validity = value(
        der::SEQUENCE,
        &[
            &value(der::GENERALIZED_TIME, &[not_before.as_bytes()]),
            &value(der::GENERALIZED_TIME, &[not_after.as_bytes()]),
        ],
    );
    let public_key = value(der::SEQUENCE, &[&integer(modulus), &integer(&EXPONENT)]);
    let algorithm = value(der::SEQUENCE, &[&value(der::OBJECT_IDENTIFIER, &[RSA_ENCRYPTION]), &value(der::NULL, &[])]);
    let key_info = value(der::SEQUENCE, &[&algorithm, &value(der::BIT_STRING, &[&[0], &public_key])]);
    let version = value(der::CONTEXT_0, &[&integer(&[2])]);
    value(
        der::SEQUENCE,
        &[&version, &integer(&serial), &signature_algorithm(), &subject, &validity, &subject, &key_info],
    )
}

/// The whole certificate.
pub(super) fn signed(to_be_signed: &[u8], signature: &[u8]) -> Vec<u8> {
    value(der::SEQUENCE, &[to_be_signed, &signature_algorithm(), &value(der::BIT_STRING, &[&[0], signature])])
}

/// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes (RFC 4055).
fn signature_algorithm() -> Vec<u8> {
    let sha512 = value(der::SEQUENCE, &[&value(der::OBJECT_IDENTIFIER, &[SHA512]), &value(der::NULL, &[])]);
    let mgf1 = value(der::SEQUENCE, &[&value(der::OBJECT_IDENTIFIER, &[MGF1]), &sha512]);
    let parameters = value(
        der::SEQUENCE,
        &[
            &value(der::CONTEXT_0, &[&sha512]),
            &value(der::CONTEXT_0 + 1, &[&mgf1]),
            &value(der::CONTEXT_0 + 2, &[&integer(&[SALT_BYTES])]),
        ],
    );
    value(der::SEQUENCE, &[&value(der::OBJECT_IDENTIFIER, &[RSASSA_PSS]), &parameters])
}
