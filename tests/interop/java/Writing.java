import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jose.Algorithm;
import com.nimbusds.jose.CompressionAlgorithm;
import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.KeyOperation;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/** What a sender and a subscriber in Java write: sealed parts, a signed event, and keys of their own. */
final class Writing {
    private static final String EVENTS = "https://schema.fitko.de/fit-connect/events/";

    private Writing() {}

    static ObjectNode all(ObjectMapper json, String recipient) throws Exception {
        ObjectNode written = json.createObjectNode();
        RSAKey ours = RSAKey.parse(recipient);
        byte[] large = new byte[300_001];
        new Random(1).nextBytes(large);
        var sealed = written.putArray("sealed");
        for (byte[] content : new byte[][] {new byte[0], "{\"ä\": \"ß\"}".getBytes(StandardCharsets.UTF_8), large}) {
            for (boolean zip : new boolean[] {false, true}) {
                for (String kid : new String[] {ours.getKeyID(), ours.computeThumbprint().toString()}) {
                    sealed.addObject().put("text", seal(content, ours, kid, zip)).put("content", HexFormat.of().formatHex(content));
                }
            }
        }

        RSAKey signing = key("PS512", KeyOperation.SIGN);
        RSAKey decryption = key("RSA-OAEP-256", KeyOperation.UNWRAP_KEY);
        written.set("signing_key", json.readTree(signing.toJSONString()));
        written.set("signing_key_published", json.readTree(published(signing, KeyOperation.VERIFY)));
        written.set("decryption_key", json.readTree(decryption.toJSONString()));
        written.set("decryption_key_published", json.readTree(published(decryption, KeyOperation.WRAP_KEY)));
        written.put("thumbprint", decryption.computeThumbprint().toString());
        written.put("own", seal(large, decryption, decryption.getKeyID(), false));

        String destination = UUID.randomUUID().toString();
        ObjectNode claims = json.createObjectNode()
            .put("$schema", "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json")
            .put("jti", UUID.randomUUID().toString())
            .put("iss", destination)
            .put("iat", System.currentTimeMillis() / 1000)
            .put("sub", "submission:" + UUID.randomUUID())
            .put("txn", "case:" + UUID.randomUUID());
        claims.putObject("events").putObject(EVENTS + "accept-submission").putObject("authenticationTags")
            .put("metadata", "x".repeat(22)).put("data", "y".repeat(22)).putObject("attachments");
        written.put("destination", destination);
        JWSHeader header = new JWSHeader.Builder(JWSAlgorithm.PS512)
            .type(new JOSEObjectType("secevent+jwt")).keyID(signing.getKeyID()).build();
        JWSObject event = new JWSObject(header, new Payload(claims.toString()));
        event.sign(new RSASSASigner(signing));
        written.put("event", event.serialize());
        return written;
    }

    private static String seal(byte[] content, RSAKey key, String kid, boolean zip) throws Exception {
        JWEHeader.Builder header = new JWEHeader.Builder(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM)
            .keyID(kid).contentType("application/json");
        if (zip) {
            header.compressionAlgorithm(CompressionAlgorithm.DEF);
        }
        JWEObject message = new JWEObject(header.build(), new Payload(content));
        message.encrypt(new RSAEncrypter(key.toRSAPublicKey()));
        return message.serialize();
    }

    private static RSAKey key(String algorithm, KeyOperation operation) throws Exception {
        return new RSAKeyGenerator(4096).keyID(UUID.randomUUID().toString()).algorithm(new Algorithm(algorithm))
            .keyOperations(Set.of(operation)).generate();
    }

    private static String published(RSAKey key, KeyOperation operation) throws Exception {
        return new RSAKey.Builder(key.toPublicJWK()).keyOperations(Set.of(operation)).build().toJSONString();
    }
}
