import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Has Nimbus JOSE + JWT and networknt read what our Rust code wrote, and write what it shall read. The task comes as one
 * JSON document on standard input, the outcome goes as one to standard output; the test in Rust compares.
 */
public final class Strangers {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] none) throws Exception {
        JsonNode task = JSON.readTree(System.in);
        ObjectNode outcome = JSON.createObjectNode();
        outcome.set("vectors", vectors(Path.of(task.path("vectors").asText())));
        outcome.set("keys", keys(task.path("keys")));
        outcome.set("sealed", sealed(task.path("sealed")));
        outcome.set("signed", signed(task.path("signed")));
        outcome.set("documents", documents(task.path("schemas"), task.path("documents")));
        outcome.set("written", Writing.all(JSON, task.path("recipient").toString()));
        JSON.writeValue(System.out, outcome);
    }

    /** A verdict on every recorded message: by the rules of FIT-Connect, and by Nimbus alone. */
    private static ObjectNode vectors(Path directory) throws Exception {
        ObjectNode verdicts = JSON.createObjectNode();
        for (JsonNode vector : JSON.readTree(directory.resolve("index.json").toFile()).path("vectors")) {
            String file = vector.path("file").asText();
            String text = Files.readString(directory.resolve(file)).strip();
            boolean sealed = file.endsWith(".jwe");
            String kind = sealed ? ".private.jwk.json" : ".public.jwk.json";
            String key = Files.readString(directory.resolve(vector.path("key").asText() + kind));
            verdicts.putObject(vector.path("name").asText())
                .put("strict", attempt(() -> sealed ? hash(Reading.open(text, key)) : hash(Reading.verify(text, key))))
                .put("alone", attempt(() -> sealed ? hash(Reading.openAlone(text, key)) : hash(Reading.verifyAlone(text, key))));
        }
        return verdicts;
    }

    private static ObjectNode keys(JsonNode keys) throws Exception {
        ObjectNode read = JSON.createObjectNode();
        for (JsonNode key : keys) {
            read.put(key.path("name").asText(), attempt(() -> Reading.published(key.path("jwk").toString())));
        }
        return read;
    }

    private static ObjectNode sealed(JsonNode messages) throws Exception {
        ObjectNode read = JSON.createObjectNode();
        for (JsonNode message : messages) {
            String key = message.path("key").toString();
            read.put(
                message.path("name").asText(),
                attempt(() -> hash(Reading.open(message.path("text").asText(), key))));
        }
        return read;
    }

    private static ObjectNode signed(JsonNode messages) throws Exception {
        ObjectNode read = JSON.createObjectNode();
        for (JsonNode message : messages) {
            String key = message.path("key").toString();
            String name = message.path("name").asText();
            read.put(name, attempt(() -> new String(Reading.verify(message.path("text").asText(), key), StandardCharsets.UTF_8)));
        }
        return read;
    }

    /** Whether networknt finds each document valid under the official schema of its version. */
    private static ArrayNode documents(JsonNode schemas, JsonNode documents) {
        JsonSchemaFactory factory = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
        Map<String, JsonSchema> compiled = new HashMap<>();
        schemas.fields().forEachRemaining(
            schema -> compiled.put(schema.getKey(), factory.getSchema(new File(schema.getValue().asText()).toURI())));
        ArrayNode verdicts = JSON.createArrayNode();
        for (JsonNode document : documents) {
            JsonSchema schema = compiled.get(document.path("version").asText());
            verdicts.add(schema.validate(document.path("document")).isEmpty());
        }
        return verdicts;
    }

    private static String hash(byte[] bytes) throws Exception {
        return java.util.HexFormat.of().formatHex(java.security.MessageDigest.getInstance("SHA-512").digest(bytes));
    }

    private interface Attempt {
        String run() throws Exception;
    }

    /** What came of it, or {@code refused: } and why. */
    private static String attempt(Attempt attempt) {
        try {
            return attempt.run();
        } catch (Exception refused) {
            return "refused: " + refused.getMessage();
        }
    }
}
