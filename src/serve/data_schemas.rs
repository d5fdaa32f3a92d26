//! The schemas that form data are checked against, from the operator's files: JSON schemas of a directory, and XML schemas
//! with everything that they include. Once, at the start; nothing is ever fetched.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use ozg_protocols::forms::{
    data_schema::{DataSchemas, SchemaRefused},
    xml_schema::XmlSchema,
};
use uppsala::{Document, NodeKind, XS_NAMESPACE, XsdValidator};

use crate::config::Tenant;

/// A data schema that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataSchemaError {
    /// A file cannot be read.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A JSON schema is refused.
    #[error("{directory}")]
    Json {
        /// Where the schemas lie.
        directory: PathBuf,
        /// Why.
        source: SchemaRefused,
    },
    /// A file is no XML schema, or none that can be used.
    #[error("{0}: no XML schema that can be used")]
    Xml(PathBuf),
    /// An XML schema includes what is not there; data would be held against half a schema.
    #[error("{path}: {location} is not there")]
    Missing {
        /// The schema.
        path: PathBuf,
        /// What it includes.
        location: String,
    },
    /// Two XML schemas for one URI.
    #[error("{0} has two schemas")]
    Twice(String),
}

/// The schemas of a tenant.
pub(super) fn read(tenant: &Tenant) -> Result<DataSchemas, DataSchemaError> {
    let json = match &tenant.data_schemas {
        Some(directory) => json_schemas(directory)?,
        None => DataSchemas::default(),
    };
    let (mut seen, mut xml) = (BTreeSet::new(), Vec::new());
    for schema in &tenant.xml_schemas {
        if !seen.insert(&schema.uri) {
            return Err(DataSchemaError::Twice(schema.uri.clone()));
        }
        xml.push((schema.uri.clone(), xml_schema(&schema.file)?));
    }
    Ok(json.with_xml(xml))
}

fn json_schemas(directory: &Path) -> Result<DataSchemas, DataSchemaError> {
    let failed = |path: &Path, source| DataSchemaError::File { path: path.to_owned(), source };
    let mut documents = Vec::new();
    for entry in fs::read_dir(directory).map_err(|source| failed(directory, source))? {
        let path = entry.map_err(|source| failed(directory, source))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            documents.push(fs::read(&path).map_err(|source| failed(&path, source))?);
        }
    }
    DataSchemas::new(documents.iter().map(Vec::as_slice))
        .map_err(|source| DataSchemaError::Json { directory: directory.to_owned(), source })
}

fn xml_schema(file: &Path) -> Result<XmlSchema, DataSchemaError> {
    let text = whole(file, &mut BTreeSet::new())?;
    let unusable = |_| DataSchemaError::Xml(file.to_owned());
    let document = uppsala::parse(&text).map_err(unusable)?;
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let validator = XsdValidator::from_schema_with_base_path(&document, Some(directory)).map_err(unusable)?;
    Ok(validator.into())
}

/// The text of a schema, once everything that it includes is seen to be there: the library passes over what is missing.
fn whole(file: &Path, seen: &mut BTreeSet<PathBuf>) -> Result<String, DataSchemaError> {
    let text = fs::read_to_string(file).map_err(|source| DataSchemaError::File { path: file.to_owned(), source })?;
    let document = uppsala::parse(&text).map_err(|_| DataSchemaError::Xml(file.to_owned()))?;
    for location in included(&document) {
        let there = file.with_file_name(&location).canonicalize();
        let there = there.map_err(|_| DataSchemaError::Missing { path: file.to_owned(), location })?;
        if seen.insert(there.clone()) {
            whole(&there, seen)?;
        }
    }
    Ok(text)
}

fn included(document: &Document<'_>) -> Vec<String> {
    let Some(root) = document.document_element() else { return Vec::new() };
    let elements = document.children(root).into_iter().filter_map(|child| match document.node_kind(child) {
        Some(NodeKind::Element(element)) => Some(element),
        _ => None,
    });
    elements
        .filter(|element| element.name.namespace_uri.as_deref() == Some(XS_NAMESPACE))
        .filter(|element| matches!(&*element.name.local_name, "include" | "import" | "redefine"))
        .filter_map(|element| element.get_attribute("schemaLocation").map(ToOwned::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use ozg_protocols::{fit_connect::metadata::DataFormat, forms::data_schema::Verdict};

    use super::*;

    const DOG: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
        <xs:include schemaLocation="teile/rasse.xsd"/><xs:element name="hund" type="rasse"/></xs:schema>"#;
    const BREED: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="rasse">
        <xs:restriction base="xs:string"><xs:maxLength value="6"/></xs:restriction></xs:simpleType></xs:schema>"#;

    #[test]
    fn an_xml_schema_is_read_with_what_it_includes_and_refused_without() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("hund.xsd");
        fs::write(&file, DOG).expect("written");
        let missing = xml_schema(&file).expect_err("half a schema");
        assert!(matches!(missing, DataSchemaError::Missing { location, .. } if location == "teile/rasse.xsd"));
        fs::create_dir(directory.path().join("teile")).expect("made");
        fs::write(directory.path().join("teile/rasse.xsd"), BREED).expect("written");
        let schema = xml_schema(&file).expect("the whole schema");
        let schemas = DataSchemas::default().with_xml([("urn:x:hund".to_owned(), schema)]);
        let check = |data: &str| schemas.check("urn:x:hund", DataFormat::Xml, data.as_bytes());
        assert_eq!(check("<hund>Dackel</hund>"), Verdict::Valid);
        assert!(matches!(check("<hund>Schäferhund</hund>"), Verdict::Invalid(_)));
    }

    #[test]
    fn what_is_no_schema_is_refused_by_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("hund.xsd");
        assert!(matches!(xml_schema(&file), Err(DataSchemaError::File { .. })));
        for wrong in ["", "{}", "<hund>"] {
            fs::write(&file, wrong).expect("written");
            assert!(matches!(xml_schema(&file), Err(DataSchemaError::Xml(path)) if path == file), "{wrong:?}");
        }
    }
}
