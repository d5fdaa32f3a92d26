//! Arguments that make no sense, and the help, in German: clap speaks English only, and operators read this.

use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What clap has to say: its help or version, or why the arguments are refused.
pub(super) fn in_german(shown: &clap::Error) -> String {
    if shown.use_stderr() { refusal(shown) } else { translated(&shown.render().to_string()) }
}

/// The few English words that clap writes into a help of ours.
fn translated(help: &str) -> String {
    #[rustfmt::skip]
    const WORDS: [(&str, &str); 6] = [
        ("[default:", "[Vorgabe:"), ("[OPTIONS]", "[OPTIONEN]"), ("Usage:", "Aufruf:"),
        ("\nOptions:\n", "\nOptionen:\n"), ("\nArguments:\n", "\nAngaben:\n"), ("\nCommands:\n", "\nBefehle:\n"),
    ];
    WORDS.iter().fold(help.to_owned(), |help, (english, german)| help.replace(english, german))
}

fn refusal(error: &clap::Error) -> String {
    let named = |kind| error.get(kind).map(ToString::to_string).filter(|text| !text.is_empty());
    let argument = named(ContextKind::InvalidArg).unwrap_or_default();
    let value = named(ContextKind::InvalidValue);
    let text = match (error.kind(), value) {
        (ErrorKind::UnknownArgument, _) => format!("das Argument `{argument}` gibt es hier nicht"),
        (ErrorKind::InvalidSubcommand, _) => {
            format!("den Befehl `{}` gibt es nicht", named(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        (ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, _) => {
            "es fehlt ein Befehl".to_owned()
        }
        (ErrorKind::MissingRequiredArgument, _) => format!("es fehlt: {}", listed(error.get(ContextKind::InvalidArg))),
        (ErrorKind::ArgumentConflict, _) => {
            let other = listed(error.get(ContextKind::PriorArg));
            if other == argument {
                format!("`{argument}` darf nur einmal angegeben werden")
            } else {
                format!("`{argument}` und `{other}` schließen sich aus")
            }
        }
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(value)) => {
            format!("`{value}` ist kein Wert für `{argument}`{}", reason(error))
        }
        (ErrorKind::InvalidValue, None) => format!("für `{argument}` fehlt der Wert"),
        (ErrorKind::NoEquals, _) => format!("`{argument}` wird mit = geschrieben"),
        (ErrorKind::TooManyValues, value) => {
            format!("`{argument}` nimmt keinen weiteren Wert: `{}`", value.unwrap_or_default())
        }
        (ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues, _) => {
            format!("für `{argument}` ist die Zahl der Werte falsch")
        }
        (ErrorKind::InvalidUtf8, _) => "ein Argument ist kein Text in UTF-8".to_owned(),
        _ => "die Argumente ergeben keinen Sinn".to_owned(),
    };
    let usage =
        named(ContextKind::Usage).map(|usage| format!("\n{}", translated(usage.trim_end()))).unwrap_or_default();
    format!("{text}{usage}\nMehr sagt `ozg-cloud --help`, und `ozg-cloud BEFEHL --help` zu einem Befehl.\n")
}

fn listed(value: Option<&ContextValue>) -> String {
    match value {
        Some(ContextValue::Strings(all)) => all.join(", "),
        Some(ContextValue::StyledStrs(all)) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Some(one) => one.to_string(),
        None => String::new(),
    }
}

/// Why a value is none, as far as German words are there: of numbers, and of what our own parsers say.
fn reason(error: &clap::Error) -> String {
    let Some(source) = std::error::Error::source(error) else {
        let known = listed(error.get(ContextKind::ValidValue));
        return if known.is_empty() { String::new() } else { format!("; es gibt: {known}") };
    };
    if source.is::<ParseIntError>() {
        return ": erwartet wird eine ganze Zahl".to_owned();
    }
    let said = source.to_string();
    if let Some((_, bounds)) = said.split_once(" is not in ") {
        return format!(": erlaubt ist {}", bounds.replace("..=", " bis "));
    }
    // Words of ours come as plain text; typed errors of libraries are English.
    said.strip_prefix("es gibt ").map(|known| format!(": es gibt {known}")).unwrap_or_default()
}
