//! An excerpt of an application that is too long for the record of its case: what nobody looks at goes first, then the
//! end of the form, then what is long wherever it stands. What was cut lies whole in files ([`super::Whole`]).

use super::{
    Address, Applicant, Application, Attachment, FormItem, FormValue, PostboxAddress, PostboxKind, ReplyChannel,
};

/// Bytes of a text that nobody sees on a page.
const UNSEEN: usize = 500;
/// Bytes of a text of the form, and of all its texts together, in a long excerpt and in a short one.
const LONG: (usize, usize) = (2_000, 20_000);
const SHORT: (usize, usize) = (300, 3_000);
/// Bytes of any other text, where even a short excerpt of the form does not help.
const WORDS: usize = 200;
/// The most entries of a list that is no list of files.
const ENTRIES: usize = 30;
/// What stands at the end of a text that was cut.
const CUT: &str = " …";

/// What an excerpt left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cut {
    /// Something of the form.
    pub form: bool,
    /// Something of what the sender says about the application.
    pub metadata: bool,
}

impl Application {
    /// Leaves out so much that it fits; `None` if no excerpt does. Nothing is left out of what fits.
    pub fn excerpt(&mut self, fits: impl Fn(&Self) -> bool) -> Option<Cut> {
        let mut cut = Cut::default();
        if fits(self) {
            return Some(cut);
        }
        cut.metadata = self.leave_out_unseen();
        if cut.metadata && fits(self) {
            return Some(cut);
        }
        for (each, all) in [LONG, SHORT] {
            cut.form |= shorten_form(&mut self.form.items, each, all);
            if fits(self) {
                return Some(cut);
            }
        }
        let before = self.of_the_form();
        self.shorten_words();
        cut = Cut { form: cut.form || self.of_the_form() != before, metadata: true };
        if fits(self) {
            return Some(cut);
        }
        cut.form |= !self.form.items.is_empty();
        self.form.items = Vec::new();
        fits(self).then_some(cut)
    }

    /// The words that came with the form and stand elsewhere now.
    fn of_the_form(&self) -> impl PartialEq + use<> {
        let Self { form, applicant, account, services, references, .. } = self;
        let form = (form.id.clone(), form.name.clone());
        (form, applicant.clone(), account.clone(), services.clone(), references.transaction_id.clone())
    }

    /// Proofs and signatures are for programs; no page shows them.
    fn leave_out_unseen(&mut self) -> bool {
        let mut cut = false;
        for set in &mut self.data_sets {
            cut |= left_out(&mut set.content, UNSEEN);
        }
        let Self { form, representations, attachments, .. } = self;
        let files = representations.iter_mut().chain(attachments);
        let notes = files.filter_map(|file| file.signature.as_mut()).chain(&mut form.signature);
        for note in notes {
            cut |= note.content.as_mut().is_some_and(|content| left_out(content, UNSEEN));
        }
        cut
    }

    fn shorten_words(&mut self) {
        let Self { representations, attachments, form, .. } = self;
        representations.iter_mut().chain(attachments).for_each(shorten_file);
        for text in [&mut form.id, &mut form.name, &mut form.schema].into_iter().flatten() {
            shorten(text, WORDS);
        }
        shorten(&mut self.service.identifier, WORDS);
        for text in [&mut self.service.name, &mut self.service.description, &mut self.region_text] {
            shorten_some(text);
        }
        if let Some(applicant) = &mut self.applicant {
            shorten_applicant(applicant);
        }
        if let Some(account) = &mut self.account {
            shorten_kind(&mut account.kind);
            [&mut account.trust_level, &mut account.identifier, &mut account.holder].into_iter().for_each(shorten_some);
        }
        self.services.truncate(ENTRIES);
        self.services.iter_mut().for_each(|service| shorten(service, WORDS));
        self.data_sets.truncate(ENTRIES);
        for set in &mut self.data_sets {
            shorten(&mut set.schema, WORDS);
            shorten_some(&mut set.description);
            left_out(&mut set.content, 0);
        }
        if let Some(payment) = &mut self.payment {
            shorten(&mut payment.transaction_reference, WORDS);
            [&mut payment.transaction_url, &mut payment.transaction_timestamp, &mut payment.gross_amount]
                .into_iter()
                .for_each(shorten_some);
        }
        if let Some(author) = &mut self.author {
            shorten(&mut author.name, WORDS);
            [&mut author.description, &mut author.url].into_iter().for_each(shorten_some);
            if let Some(product) = &mut author.product {
                for text in [&mut product.name, &mut product.version, &mut product.manufacturer] {
                    shorten(text, WORDS);
                }
                shorten_some(&mut product.description);
            }
        }
        let references = &mut self.references;
        [&mut references.sender_reference, &mut references.application_date, &mut references.transaction_id]
            .into_iter()
            .for_each(shorten_some);
        if let Some(reply) = &mut self.reply {
            shorten_reply(reply);
        }
    }
}

/// A key that was cut is of no use, and half an address leads nowhere: they are left out.
fn shorten_reply(reply: &mut ReplyChannel) {
    match reply {
        ReplyChannel::Email { address, pgp_public_key } => {
            shorten(address, WORDS);
            pgp_public_key.take_if(|key| key.len() > 10 * UNSEEN);
        }
        ReplyChannel::DeMail { address } => shorten(address, WORDS),
        ReplyChannel::Fink { postbox, host } => {
            shorten(postbox, WORDS);
            shorten_some(host);
        }
        ReplyChannel::Elster { account, delivery_ticket, reference } => {
            shorten(account, WORDS);
            [delivery_ticket, reference].into_iter().for_each(shorten_some);
        }
        ReplyChannel::FitConnect { process_standards, encryption_public_key } => {
            process_standards.truncate(ENTRIES);
            process_standards.iter_mut().for_each(|standard| shorten(standard, WORDS));
            left_out(encryption_public_key, 10 * UNSEEN);
        }
        ReplyChannel::BundIdMailbox { .. } => {}
        ReplyChannel::Other { name, content } => {
            shorten(name, WORDS);
            left_out(content, WORDS);
        }
    }
}

fn shorten_applicant(applicant: &mut Applicant) {
    let (words, contact, postbox) = match applicant {
        Applicant::Natural(person) => {
            let words = vec![
                &mut person.salutation,
                &mut person.title,
                &mut person.given_names,
                &mut person.family_name,
                &mut person.birth_name,
                &mut person.birth_date,
                &mut person.birth_place,
            ];
            (words, &mut person.contact, &mut person.postbox)
        }
        Applicant::Legal(organisation) => {
            let words = vec![
                &mut organisation.name,
                &mut organisation.legal_form,
                &mut organisation.register_entry,
                &mut organisation.represented_by,
            ];
            (words, &mut organisation.contact, &mut organisation.postbox)
        }
    };
    words.into_iter().for_each(shorten_some);
    [&mut contact.email, &mut contact.phone].into_iter().for_each(shorten_some);
    if let Some(Address { street, house_number, addition, postal_code, town, country }) = &mut contact.address {
        [street, house_number, addition, postal_code, town, country].into_iter().for_each(shorten_some);
    }
    if let Some(PostboxAddress { kind, identifier, holder, trust_level }) = postbox {
        shorten_kind(kind);
        shorten(identifier, WORDS);
        [holder, trust_level].into_iter().for_each(shorten_some);
    }
}

fn shorten_kind(kind: &mut PostboxKind) {
    if let PostboxKind::Other(name) = kind {
        shorten(name, WORDS);
    }
}

/// What is needed to name a file and to hand it out stays.
fn shorten_file(file: &mut Attachment) {
    shorten_some(&mut file.filename);
    shorten(&mut file.media_type, WORDS);
    (file.description, file.sha512, file.signature, file.fragments) = (None, Vec::new(), None, Vec::new());
}

/// Leaves a text out that is longer than this.
fn left_out(text: &mut String, most: usize) -> bool {
    let long = text.len() > most;
    if long {
        *text = String::new();
    }
    long
}

fn shorten_some(text: &mut Option<String>) {
    if let Some(text) = text {
        shorten(text, WORDS);
    }
}

fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str(CUT);
        text.shrink_to_fit();
    }
}

/// Keeps the beginning of a form: texts of at most `each` bytes, and values until `all` bytes are full.
fn shorten_form(items: &mut Vec<FormItem>, each: usize, all: usize) -> bool {
    fn walk(items: &mut Vec<FormItem>, each: usize, left: &mut usize, cut: &mut bool) {
        let mut kept = 0;
        for item in items.iter_mut() {
            *cut |= item.name.len() > each || item.label.as_ref().is_some_and(|label| label.len() > each);
            shorten(&mut item.name, each);
            if let Some(label) = &mut item.label {
                shorten(label, each);
            }
            if let FormValue::Text(text) | FormValue::Number(text) | FormValue::Date(text) = &mut item.value {
                *cut |= text.len() > each;
                shorten(text, each);
            }
            let Some(rest) = left.checked_sub(weight(item)) else { break };
            *left = rest;
            if let FormValue::Group(children) = &mut item.value {
                walk(children, each, left, cut);
            }
            kept += 1;
        }
        *cut |= kept < items.len();
        items.truncate(kept);
        items.shrink_to_fit();
    }
    let (mut left, mut cut) = (all, false);
    walk(items, each, &mut left, &mut cut);
    cut
}

fn weight(item: &FormItem) -> usize {
    let value = match &item.value {
        FormValue::Text(text) | FormValue::Number(text) | FormValue::Date(text) => text.len(),
        FormValue::Empty | FormValue::Flag(_) | FormValue::Group(_) => 0,
    };
    8 + item.name.len() + item.label.as_ref().map_or(0, String::len) + value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{DataSet, Form},
        case::scenario,
    };

    fn text(name: &str, words: &str) -> FormItem {
        FormItem { name: name.into(), label: None, value: FormValue::Text(words.into()) }
    }

    fn long() -> Application {
        let items = (0..1_000).map(|number| text(&format!("feld{number}"), &"ü".repeat(100))).collect();
        Application { form: Form { items, ..Form::default() }, ..scenario::application() }
    }

    fn length(application: &Application) -> usize {
        serde_json::to_string(application).expect("JSON").len()
    }

    #[test]
    fn nothing_is_left_out_of_what_fits() {
        let mut application = long();
        assert_eq!(application.excerpt(|_| true), Some(Cut::default()));
        assert_eq!(application, long());
    }

    #[test]
    fn proofs_that_no_page_shows_go_before_the_form() {
        let set = DataSet {
            id: None,
            schema: "urn:x".into(),
            media_type: None,
            description: None,
            content: "x".repeat(100_000),
            sha512: Vec::new(),
        };
        let mut application = Application { data_sets: vec![set], ..long() };
        let before = application.form.clone();
        let most = length(&long()) + 1_000;
        let cut = application.excerpt(|application| length(application) <= most);
        assert_eq!(cut, Some(Cut { form: false, metadata: true }));
        assert_eq!((application.form, application.data_sets[0].schema.as_str()), (before, "urn:x"));
    }

    #[test]
    fn of_a_long_form_the_beginning_stays() {
        let mut application = long();
        application.form.items.insert(0, text("erstes", &"ä".repeat(10_000)));
        let cut = application.excerpt(|application| length(application) <= 40_000);
        assert_eq!(cut, Some(Cut { form: true, metadata: false }));
        let items = &application.form.items;
        assert_eq!((items[0].name.as_str(), items[1].name.as_str()), ("erstes", "feld0"));
        let FormValue::Text(first) = &items[0].value else { panic!("a text") };
        assert!(first.ends_with("ä …") && first.len() < 2_010, "{}", first.len());
        assert!(items.len() > 50 && items.len() < 200, "{}", items.len());
    }

    #[test]
    fn a_form_that_is_there_whole_is_not_said_to_be_cut() {
        let form = Form { items: vec![text("feld", "Wert")], ..Form::default() };
        let mut application = Application { form: form.clone(), ..scenario::application() };
        application.service.description = Some("x".repeat(100_000));
        let cut = application.excerpt(|application| length(application) <= 10_000);
        assert_eq!((cut, application.form), (Some(Cut { form: false, metadata: true }), form));
    }

    #[test]
    fn words_of_any_length_in_any_place_do_not_keep_an_application_from_fitting() {
        let endless = Some("x".repeat(100_000));
        let mut application = long();
        application.service.name = endless.clone();
        application.references.sender_reference = endless.clone();
        application.applicant =
            Some(Applicant::Legal(crate::application::LegalPerson { name: endless, ..Default::default() }));
        application.services = vec!["9".repeat(1_000); 1_000];
        let cut = application.excerpt(|application| length(application) <= 20_000);
        assert_eq!(cut, Some(Cut { form: true, metadata: true }));
        assert!(application.excerpt(|_| false).is_none(), "what never fits is no case");
    }
}
