//! Fresh keys with a self-signed certificate, for the demo, the sandbox and tests.
//!
//! Making an RSA key takes from a fraction of a second to some seconds of one core; its randomness comes from aws-lc-rs.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use zeroize::Zeroizing;

use super::{
    certificate,
    der::{OCTET_STRING, Reader, SEQUENCE},
    jwk::{JwkRefused, PrivateJwk, PrivateNumbers, PrivateUse},
    kid::Kid,
    rsa,
};
use crate::moment::Moment;

/// What a self-signed certificate says.
#[derive(Debug, Clone)]
pub struct Certificate<'a> {
    /// The common name.
    pub name: &'a str,
    /// Random bytes for the serial number.
    pub serial: [u8; 16],
    /// Valid from.
    pub not_before: Moment,
    /// Valid until.
    pub not_after: Moment,
}

/// A new RSA-4096 key with this name and a certificate that it signed itself.
///
/// # Errors
/// [`JwkRefused::Unusable`] when the library fails or a moment is outside of the years 0 to 9999.
pub fn generate(purpose: PrivateUse, kid: Kid, certificate: &Certificate<'_>) -> Result<PrivateJwk, JwkRefused> {
    let pair = KeyPair::generate(KeySize::Rsa4096).map_err(|_| JwkRefused::Unusable)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| JwkRefused::Unusable)?;
    let numbers = numbers(der.as_ref())?;
    let not_before = generalized_time(certificate.not_before)?;
    let not_after = generalized_time(certificate.not_after)?;
    let body = certificate::to_be_signed(&numbers.n, certificate.name, certificate.serial, &not_before, &not_after);
    let signature = rsa::sign_with(&pair, &body).map_err(|_| JwkRefused::Unusable)?;
    Ok(PrivateJwk::new(purpose, kid, numbers, vec![certificate::signed(&body, &signature)]))
}

/// The numbers in a PKCS#8 private key (RFC 5208, RFC 8017 appendix A.1.2).
fn numbers(pkcs8: &[u8]) -> Result<PrivateNumbers, JwkRefused> {
    let mut info = Reader(Reader(pkcs8).next(SEQUENCE)?);
    info.number()?;
    info.next(SEQUENCE)?;
    let mut key = Reader(Reader(info.next(OCTET_STRING)?).next(SEQUENCE)?);
    key.number()?;
    let n = key.number()?.to_vec();
    key.number()?;
    let mut secret = || key.number().map(|number| Zeroizing::new(number.to_vec()));
    Ok(PrivateNumbers { n, d: secret()?, p: secret()?, q: secret()?, dp: secret()?, dq: secret()?, qi: secret()? })
}

fn generalized_time(moment: Moment) -> Result<String, JwkRefused> {
    let time = jiff::Timestamp::from_second(moment.seconds()).map_err(|_| JwkRefused::Unusable)?;
    Ok(time.strftime("%Y%m%d%H%M%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit_connect::jose::{
        jwk::{Chain, PublicJwk},
        rsa::{
            ContentKey, DecryptionKey, EncryptionKey, SignPs512, SigningKey, UnwrapKey, VerificationKey, VerifyPs512,
            WrapKey,
        },
    };

    fn certificate() -> Certificate<'static> {
        Certificate {
            name: "Musterstadt (Test)",
            serial: [9; 16],
            not_before: Moment::from_seconds(1_700_000_000),
            not_after: Moment::from_seconds(1_900_000_000),
        }
    }

    #[test]
    fn a_fresh_key_pair_signs_and_survives_its_json() {
        let kid: Kid = "frisch-signiert".parse().expect("a kid");
        let made = generate(PrivateUse::Sign, kid, &certificate()).expect("a key");
        let read = PrivateJwk::parse(made.to_json().as_bytes()).expect("the same key");
        let public = PublicJwk::parse(read.public().to_value().to_string().as_bytes(), Chain::Required);
        let public = public.expect("its public half");
        let signature = SigningKey::new(&read).expect("usable").sign(b"Text").expect("signed");
        let key = VerificationKey::new(&public).expect("usable");
        assert_eq!(key.verify(b"Text", &signature), Ok(()));
        assert!(key.verify(b"Texte", &signature).is_err());
    }

    #[test]
    fn a_fresh_key_pair_wraps_and_unwraps() {
        let kid: Kid = "frisch-verpackt".parse().expect("a kid");
        let made = generate(PrivateUse::UnwrapKey, kid, &certificate()).expect("a key");
        let wrapped = EncryptionKey::new(&made.public()).expect("usable").wrap_key(&ContentKey::from_random([3; 32]));
        let unwrapped = DecryptionKey::new(&made).expect("usable").unwrap_key(&wrapped.expect("wrapped"));
        assert_eq!(unwrapped.expect("unwrapped").as_bytes(), &[3; 32]);
        assert!(SigningKey::new(&made).is_err(), "an encryption key does not sign");
    }
}
