import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.crypto.RSADecrypter;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.crypto.opts.MaxCompressedCipherTextLength;
import com.nimbusds.jose.crypto.opts.MaxDecompressedPlainTextLength;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.X509CertUtils;
import java.security.cert.X509Certificate;
import java.util.Set;

/** How a receiver in Java reads: Nimbus does the cryptography, and the rules of FIT-Connect are pinned around it. */
final class Reading {
    private Reading() {}

    /** Opens a message under the rules: one algorithm, one encryption, a known kid, no key of its own, strict base64url. */
    static byte[] open(String text, String jwk) throws Exception {
        must(text.matches("[A-Za-z0-9_.-]+"), "characters beyond base64url");
        RSAKey key = RSAKey.parse(jwk);
        JWEHeader header = JWEObject.parse(text).getHeader();
        must(JWEAlgorithm.RSA_OAEP_256.equals(header.getAlgorithm()), "alg");
        must(EncryptionMethod.A256GCM.equals(header.getEncryptionMethod()), "enc");
        must(header.getJWK() == null && header.getJWKURL() == null && header.getX509CertURL() == null, "embedded key");
        String kid = header.getKeyID();
        must(kid != null && (kid.equals(key.getKeyID()) || kid.equals(key.computeThumbprint().toString())), "kid");
        return openAlone(text, jwk);
    }

    /** Opens a message as the library does when it is left alone, but for its limits on compressed content. */
    static byte[] openAlone(String text, String jwk) throws Exception {
        JWEObject message = JWEObject.parse(text);
        var limit = Set.of(new MaxDecompressedPlainTextLength(16_000_000));
        RSADecrypter decrypter = new RSADecrypter(RSAKey.parse(jwk).toRSAPrivateKey(), Set.of(), Set.copyOf(limit));
        message.decrypt(decrypter, Set.of(new MaxCompressedCipherTextLength(16_000_000)));
        return message.getPayload().toBytes();
    }

    /** Verifies an event under the rules: PS512, and the type of a SET. */
    static byte[] verify(String text, String jwk) throws Exception {
        JWSObject token = JWSObject.parse(text);
        must(JWSAlgorithm.PS512.equals(token.getHeader().getAlgorithm()), "alg");
        must(token.getHeader().getType() != null && "secevent+jwt".equals(token.getHeader().getType().getType()), "typ");
        must(RSAKey.parse(jwk).getKeyID().equals(token.getHeader().getKeyID()), "kid");
        return verifyAlone(text, jwk);
    }

    /** Verifies a token as the library does when it is left alone. */
    static byte[] verifyAlone(String text, String jwk) throws Exception {
        JWSObject token = JWSObject.parse(text);
        must(token.verify(new RSASSAVerifier(RSAKey.parse(jwk).toRSAPublicKey())), "signature");
        return token.getPayload().toBytes();
    }

    /** The thumbprint of a published key, whose certificate must belong to it and be signed by it. */
    static String published(String jwk) throws Exception {
        RSAKey key = RSAKey.parse(jwk);
        must(!key.isPrivate(), "private numbers");
        must(key.size() == 4096, "size " + key.size());
        must(key.getKeyOperations() != null && key.getKeyOperations().size() == 1, "key_ops");
        X509Certificate certificate = X509CertUtils.parse(key.getX509CertChain().get(0).decode());
        must(certificate.getPublicKey().equals(key.toRSAPublicKey()), "certificate of another key");
        certificate.verify(certificate.getPublicKey());
        certificate.checkValidity();
        return key.computeThumbprint().toString();
    }

    private static void must(boolean holds, String what) throws JOSEException {
        if (!holds) {
            throw new JOSEException(what);
        }
    }
}
