//! What all requests of a batch have in common, and the request for one item made from it.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::app::App;
use crate::batch::{BatchItem, BatchShard, ItemTemplate, request_hash};
use crate::cli;
use crate::client::{BATCH_MAX_TOKENS, seed_max_tokens};
use crate::compose::build::{RequestParts, build, encode_body};
use crate::compose::model_fit::{Insistence, ModelFit};
use crate::compose::preflight::{Limit, check};
use crate::compose::request_spec::RequestSpec;
use crate::compose::sources::RequestSources;
use crate::compose::user_turn::most_bytes;
use crate::error::Error;
use crate::exchange::model_catalog::ModelCatalog;
use crate::exchange::selected_model::SelectedModel;
use crate::exchange::structured::{SchemaRules, remember_way};
use crate::input::{
    self, Attachment, Estimate, Places, Template, Tokens, Turn, assemble, check_many,
};
use crate::media::FileKind;
use crate::protocol::{ContentBlock, CreateMessage, ModelRules, OptionUse, RequestOptions};
use crate::tool::{SchemaWay, Structured};

/// The field for which the text of a file stands in the template.
const TEXT: &str = "text";

/// What all requests have in common.
pub(super) struct Plan<'a> {
    pub(super) app: &'a App,
    pub(super) ask: &'a cli::AskArgs,
    pub(super) catalog: ModelCatalog<'a>,
    /// The shard that the items are of.
    pub(super) shard: BatchShard,
    /// The template of the batch.
    pub(super) pattern: Option<ItemTemplate>,
    /// The saved prompt, as it was before anything was put into it.
    pub(super) template: Option<Template>,
    pub(super) sources: RequestSources,
    pub(super) system: Option<String>,
    /// What is attached to every request.
    pub(super) shared: Turn,
    /// The form that the answers have to have.
    pub(super) schema: Option<Structured>,
    /// How models are asked for answers in this form, for the model that was asked last.
    pub(super) schema_rules: Option<(String, SchemaRules)>,
    pub(super) model: SelectedModel,
    /// The most tokens to write, where that was chosen.
    pub(super) max_tokens: Option<u64>,
    /// The same where nobody chose.
    pub(super) default_max_tokens: u64,
    /// What is known of what the model accepts.
    pub(super) rules: ModelRules,
    /// Notices that are not repeated.
    pub(super) told: BTreeSet<String>,
    /// What is known that a request must not exceed.
    pub(super) limits: Vec<Limit>,
}

/// The request for an item.
pub(super) struct Made {
    pub(super) body: Bytes,
    /// Of the body.
    pub(super) hash: String,
    pub(super) estimate: Estimate,
    /// What can be asked again, with more behind it; without its messages where it never will be.
    pub(super) request: CreateMessage,
    /// What it uses that only some models accept.
    pub(super) options: Vec<OptionUse>,
    /// The form that its answer has to have, as it is asked for.
    pub(super) schema: Option<Structured>,
}

impl Plan<'_> {
    /// Checks that the model accepts what the user has typed, before any item is asked.
    pub(super) fn check_options(&mut self) -> Result<(), Error> {
        let mut spec = self.sources.resolve(self.ask, self.catalog.settings())?;
        self.fit_to_model(&mut spec, Insistence::Typed)
    }

    /// Leaves out what the model does not accept, with a notice.
    fn fit_to_model(
        &mut self,
        spec: &mut RequestSpec,
        insistence: Insistence<'_>,
    ) -> Result<(), Error> {
        let max_tokens = self.max_tokens.unwrap_or(self.default_max_tokens);
        let notices = spec.fit_to_model(&ModelFit {
            model: &self.model.id,
            rules: &self.rules,
            max_tokens,
            tool_choice: None,
            shows_thinking: false,
            is_unchecked: self.ask.input.no_check,
            insistence,
        })?;
        for notice in notices {
            if !self.told.contains(&notice) {
                self.app.notices.notice(&notice);
                self.told.insert(notice);
            }
        }
        Ok(())
    }

    /// Makes the request for an item.
    pub(super) async fn make(&mut self, item: &mut BatchItem) -> Result<Made, Error> {
        item.check_well_formed()?;
        let files = self.file(item).await?;
        let words = self
            .pattern
            .as_ref()
            .map(|pattern| pattern.fill_from(item))
            .transpose()?;
        let prompt = self.prompt(words)?;
        let own = match assemble(prompt.as_deref(), files, None) {
            Err(input::Error::NoPrompt) if !self.shared.content.is_empty() => Turn::default(),
            turn => turn?,
        };
        let turn = joined(&self.shared, own);
        check_many(
            &[
                self.sources.conversation.pictures.as_slice(),
                &turn.pictures,
            ]
            .concat(),
        )?;
        let mut spec = self.sources.resolve(self.ask, self.catalog.settings())?;
        self.fit_to_model(&mut spec, Insistence::Nothing)?;
        let parts = RequestParts {
            model: self.model.id.clone(),
            max_tokens: self.max_tokens.unwrap_or(self.default_max_tokens),
            system: self.system.clone(),
            earlier: self.sources.conversation.messages.clone(),
            content: turn.content,
            tools: Vec::new(),
            tool_choice: None,
        };
        let mut request = build(&spec, parts)?;
        let mut schema = self.schema.clone();
        let mut fixed = None;
        if let Some(schema) = &mut schema {
            fixed = Some(schema.in_fixed_way(&request));
            self.schema_rules(&request.model)
                .begin(schema, &mut request)?;
        }
        let estimate = Estimate::of_request(&request, &turn.names);
        let is_unchecked = self.ask.input.no_check;
        if !is_unchecked {
            check(self.app, &estimate, &self.limits)?;
        }
        let body = Bytes::from(encode_body(&request, &turn.parts, is_unchecked)?);
        // The item is the same in whichever way its answer is asked for.
        let hash = match fixed {
            Some(fixed) => self.hash(&fixed, &spec, &fixed.to_json(body.len())),
            None => self.hash(&request, &spec, &body),
        };
        let options = RequestOptions::of_request(&request).uses();
        if schema.is_none() {
            request.messages = Vec::new(); // Their text is in the body: it is not held twice.
        }
        Ok(Made {
            body,
            hash,
            estimate,
            request,
            options,
            schema,
        })
    }

    /// What is known of how a model is asked for an answer that matches a schema.
    fn schema_rules(&mut self, model: &str) -> &SchemaRules {
        let known = self.schema_rules.take().filter(|(known, _)| known == model);
        let known = known.unwrap_or_else(|| {
            let rules = SchemaRules::new(self.rules.clone(), &self.catalog, model);
            (model.to_owned(), rules)
        });
        &self.schema_rules.insert(known).1
    }

    /// Notes the way in which a model has answered where it did not take to another one.
    pub(super) fn learn_way(&mut self, model: &str, way: SchemaWay) {
        let known = self
            .schema_rules
            .as_mut()
            .filter(|(known, _)| known == model);
        if let Some((_, rules)) = known
            && rules.remembered != Some(way)
        {
            rules.remembered = Some(way);
            remember_way(&self.catalog, model, Some(way));
        }
    }

    /// Returns the hash by which an item is known to a later run. A default that follows from what
    /// is known of the limits may be another one then, and is no part of it.
    fn hash(&self, request: &CreateMessage, spec: &RequestSpec, body: &[u8]) -> String {
        let usual = seed_max_tokens(&self.model.id).unwrap_or(BATCH_MAX_TOKENS);
        let is_set = self.max_tokens.is_some() || spec.fields.contains_key("max_tokens");
        if is_set || request.max_tokens == usual {
            return request_hash(body);
        }
        let mut usual_request = request.clone();
        usual_request.max_tokens = usual;
        request_hash(&usual_request.to_json(body.len()))
    }

    /// Looks up what is known of the model and its limits, which the first answer may have told.
    pub(super) async fn look_up_limits(&mut self) -> Result<(), Error> {
        self.rules = self.catalog.rules(&self.model.id, true).await?;
        self.default_max_tokens = self
            .catalog
            .default_max_tokens(&self.model, BATCH_MAX_TOKENS, true)
            .await?;
        if !self.ask.input.no_check {
            let any = Tokens {
                low: u64::MAX,
                high: u64::MAX,
            };
            self.limits = self.catalog.limits(&self.model.id, any, true).await;
            self.limits.retain(|limit| limit.is_known);
        }
        Ok(())
    }

    /// Whether the request for this item is that for every other one.
    pub(super) fn asks_the_same(&self, item: &BatchItem) -> bool {
        item.file_path().is_none() && !self.pattern.as_ref().is_some_and(ItemTemplate::has_fields)
    }

    /// Reads the item's file, whose text goes into the template where that has a place for it.
    async fn file(&self, item: &mut BatchItem) -> Result<Vec<Attachment>, Error> {
        let Some(path) = item.file_path() else {
            return Ok(Vec::new());
        };
        let file = Attachment::read(path, most_bytes(&self.ask.input)).await?;
        if file.is_empty() {
            let name = item.describe_place();
            return Err(input::Error::Empty { name }.into());
        }
        if file.kind() == FileKind::Text
            && self
                .pattern
                .as_ref()
                .is_some_and(|pattern| pattern.has_field(TEXT))
        {
            item.set_text(file.into_inserted()?.0);
            return Ok(Vec::new());
        }
        Ok(vec![file])
    }

    /// Puts the words into the saved prompt, where there is one.
    fn prompt(&mut self, words: Option<String>) -> Result<Option<String>, Error> {
        let Some(template) = &self.template else {
            return Ok(words);
        };
        let mut template = template.clone();
        let places = Places {
            params: &self.ask.input.params,
            prompt: words.as_deref(),
            stdin: None,
        };
        let prompt = template.fill(places)?;
        self.sources.template = Some(template);
        Ok(prompt)
    }
}

/// Joins what is attached to every request to what is an item's own, in the order of a turn:
/// images, PDFs, text.
fn joined(shared: &Turn, own: Turn) -> Turn {
    if shared.content.is_empty() {
        return own;
    }
    let rank = |block: &ContentBlock| match block {
        ContentBlock::Image(_) => 0,
        ContentBlock::Document(_) => 1,
        _ => 2,
    };
    let of_shared = shared
        .content
        .iter()
        .cloned()
        .zip(shared.names.iter().cloned());
    let mut blocks: Vec<_> = of_shared
        .chain(own.content.into_iter().zip(own.names))
        .collect();
    blocks.sort_by_key(|(block, _)| rank(block));
    let (content, names) = blocks.into_iter().unzip();
    Turn {
        content,
        names,
        notices: Vec::new(),
        parts: shared.parts.iter().cloned().chain(own.parts).collect(),
        pictures: shared
            .pictures
            .iter()
            .cloned()
            .chain(own.pictures)
            .collect(),
    }
}
