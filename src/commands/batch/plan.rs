//! What all requests of a batch share, and the request for a single item.

use std::collections::BTreeSet;

use crate::app::App;
use crate::batch::{BatchItem, BatchShard, ItemTemplate, RequestSample, request_hash};
use crate::cli;
use crate::client::{BATCH_MAX_TOKENS, seed_max_tokens};
use crate::compose::build::{RequestParts, build, encode_body, encode_marked_body};
use crate::compose::cache_marks::{CacheMarks, SharedPrefix};
use crate::compose::model_fit::{Insistence, ModelFit};
use crate::compose::output_limit::{ChosenMaxTokens, OutputLimit};
use crate::compose::own_marks::check_own_marks;
use crate::compose::picture_fitting::fit_turn;
use crate::compose::preflight::{Limit, check};
use crate::compose::request_spec::RequestSpec;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::shared_prefix::{PrefixCache, RequestPace};
use crate::compose::sources::RequestSources;
use crate::compose::user_turn::most_bytes;
use crate::error::Error;
use crate::exchange::model_catalog::ModelCatalog;
use crate::exchange::selected_model::SelectedModel;
use crate::exchange::structured::{SchemaRules, remember_way};
use crate::input::{self, Attachment, Estimate, Places, Template, Tokens, Turn, assemble};
use crate::media::FileKind;
use crate::protocol::{
    ContentBlock, CreateMessage, InputMessage, ModelPrice, ModelRules, OptionUse, RequestBody,
    RequestOptions, Role,
};
use crate::secret_scan::SecretNumbers;
use crate::tool::{SchemaWay, Structured};

/// The field of the template that is replaced by the text of a file.
const TEXT: &str = "text";

/// The notice at the first item with a secret that is replaced.
const MASKED_ITEMS: &str = "masking the secrets in items";

/// What all requests of a batch share.
pub(super) struct Plan<'a> {
    pub(super) app: &'a App,
    pub(super) ask: &'a cli::AskArgs,
    pub(super) catalog: ModelCatalog<'a>,
    /// The shard that the items belong to.
    pub(super) shard: BatchShard,
    /// The hash of what all items have in common of the prompt.
    pub(super) prompt: String,
    /// The template of the batch.
    pub(super) pattern: Option<ItemTemplate>,
    /// The saved prompt, with its placeholders.
    pub(super) template: Option<Template>,
    pub(super) sources: RequestSources,
    pub(super) system: Option<String>,
    /// The attachments that every request gets.
    pub(super) shared: Turn,
    /// The schema that the answers must match.
    pub(super) schema: Option<Structured>,
    /// How the model last used is asked for structured output, with its id.
    pub(super) schema_rules: Option<(String, SchemaRules)>,
    pub(super) model: SelectedModel,
    /// Maximum number of tokens to generate, if the user has set it.
    pub(super) max_tokens: Option<ChosenMaxTokens>,
    /// Maximum number of tokens that the model is known to generate.
    pub(super) output_limit: Option<u64>,
    /// Maximum number of tokens to generate otherwise.
    pub(super) default_max_tokens: u64,
    /// What is known about the options that the model accepts.
    pub(super) rules: ModelRules,
    /// Notices already printed, which are not repeated.
    pub(super) told: BTreeSet<String>,
    /// The known limits that a request must not exceed.
    pub(super) limits: Vec<Limit>,
    /// The tokens a minute that the requests keep to, where they are limited.
    pub(super) tokens_a_minute: Option<u64>,
    /// What the requests have in common, and whether it is marked for the prompt cache.
    pub(super) prefix: PrefixCache,
}

/// The request for an item.
pub(super) struct Made {
    pub(super) body: RequestBody,
    /// The hash that identifies the item in later runs.
    pub(super) hash: String,
    pub(super) estimate: Estimate,
    /// Its marks for the prompt cache.
    pub(super) marks: CacheMarks,
    /// The request, for sending answers back; without its messages if that cannot happen.
    pub(super) request: CreateMessage,
    /// The options in it that only some models accept.
    pub(super) options: Vec<OptionUse>,
    /// The schema that its answer must match, and how the model is asked.
    pub(super) schema: Option<Structured>,
}

impl Plan<'_> {
    /// Checks that the model accepts the options on the command line, before anything is sent.
    pub(super) fn check_options(&mut self) -> Result<(), Error> {
        let secrets = &self.catalog.settings().secrets;
        let mut spec = self.resolve(SecretGuard::new(self.app, secrets))?;
        self.fit_to_model(&mut spec, Insistence::Typed).map(drop)
    }

    /// Settles the fields of a request, which this guard checks.
    fn resolve(&self, guard: SecretGuard<'_>) -> Result<RequestSpec, Error> {
        let mut spec = self.sources.resolve(self.ask, self.catalog.settings())?;
        spec.check_typed(guard, &self.ask.request);
        if self.schema.is_some() {
            spec.remove_default_prefill();
        }
        Ok(spec)
    }

    /// Removes options that the model does not accept, with a notice. Returns the maximum number of
    /// tokens to generate.
    fn fit_to_model(
        &mut self,
        spec: &mut RequestSpec,
        insistence: Insistence<'_>,
    ) -> Result<u64, Error> {
        let limit = OutputLimit {
            model: &self.model.id,
            known: self.output_limit.filter(|_| !self.ask.input.no_check),
            default: self.default_max_tokens,
        };
        let (max_tokens, mut notices) = limit.settle(spec, self.max_tokens.as_ref())?;
        notices.extend(spec.fit_to_model(&ModelFit {
            model: &self.model.id,
            rules: &self.rules,
            max_tokens,
            tool_choice: None,
            shows_thinking: false,
            is_unchecked: self.ask.input.no_check,
            insistence,
        })?);
        for notice in notices {
            if !self.told.contains(&notice) {
                self.app.notices.notice(&notice);
                self.told.insert(notice);
            }
        }
        Ok(max_tokens)
    }

    /// Returns the price of the model; none if it is not known.
    pub(super) fn price(&self) -> Option<ModelPrice> {
        self.catalog.settings().price(&self.model.id)
    }

    /// Returns what a request tells about the cost of all.
    pub(super) fn sample(&self, item: &BatchItem, made: &Made) -> RequestSample {
        let total = made.estimate.total();
        let is_cached = !made.marks.is_empty();
        let shared = self.prefix.known_tokens().filter(|_| is_cached);
        // The prefix is known by its high estimate.
        let shared = shared.map_or(0, |high| high.saturating_mul(total.low) / total.high.max(1));
        RequestSample {
            low: total.low,
            high: total.high,
            shared: shared.min(total.low),
            max_tokens: made.request.max_tokens,
            item_bytes: item.text_bytes(),
        }
    }

    /// Builds the request for an item.
    pub(super) async fn make(&mut self, item: &mut BatchItem) -> Result<Made, Error> {
        item.check_well_formed()?;
        let numbers = self.app.secret_numbers.clone();
        let files = self.file(item, &numbers).await?;
        let words = self.words(item, &numbers)?;
        let is_masked = numbers.last() > self.app.secret_numbers.last();
        if is_masked && self.told.insert(MASKED_ITEMS.to_owned()) {
            self.app.notices.notice(MASKED_ITEMS);
        }
        let prompt = self.prompt(words)?;
        let own = match assemble(prompt.as_deref(), files, None) {
            Err(input::Error::NoPrompt) if !self.shared.content.is_empty() => Turn::default(),
            turn => turn?,
        };
        let (mut turn, shared_blocks) = joined(&self.shared, own);
        let given = self.sources.conversation.pictures.as_slice();
        let model = Some(self.model.id.as_str());
        let count = given.len() + turn.pictures.len();
        fit_turn(self.app, &mut turn, self.catalog.picture_fit(model, count)).await?;
        if !self.ask.input.no_check {
            let pdfs = [self.sources.conversation.pdfs.as_slice(), &turn.pdfs].concat();
            self.catalog.check_pdfs(&pdfs, model, true).await?;
            let pictures = [given, &turn.pictures].concat();
            self.catalog.check_pictures(&pictures, model, true).await?;
        }
        let mut spec = self.resolve(self.guard(&numbers))?;
        let max_tokens = self.fit_to_model(&mut spec, Insistence::Nothing)?;
        let own_blocks = turn.content.len() - shared_blocks;
        let parts = RequestParts {
            model: self.model.id.clone(),
            max_tokens,
            system: self.system.clone(),
            earlier: self.sources.conversation.messages.clone(),
            content: turn.content,
            tools: Vec::new(),
            tool_choice: None,
        };
        let mut request = build(&spec, parts)?;
        let shared = shared_prefix(&request, own_blocks);
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
            check_own_marks(&request)?;
        }
        let body = encode_body(&mut request, &turn.parts, is_unchecked)?;
        // The hash must not depend on how the model is asked for structured output.
        let hash = match fixed {
            Some(fixed) => self.hash(&fixed, &spec, &fixed.to_json(body.len())),
            None => self.hash(&request, &spec, &body.to_json()),
        };
        let mut options = RequestOptions::of_request(&request).uses();
        let pace = RequestPace {
            tokens_a_minute: self.tokens_a_minute,
            request_tokens: estimate.total().high.saturating_add(request.max_tokens),
        };
        let marks = self.prefix.marks(&mut request, shared, &self.rules, pace);
        let mut body = body;
        if !marks.is_empty() {
            body = encode_marked_body(&mut request, &marks, &turn.parts, is_unchecked)?;
            options.push(OptionUse::CACHE_MARKS);
        }
        if schema.is_none() {
            request.messages = Vec::new(); // Their text is in the body: it is not held twice.
        }
        Ok(Made {
            body,
            hash,
            estimate,
            marks,
            request,
            options,
            schema,
        })
    }

    /// Returns what is known about asking a model for structured output.
    fn schema_rules(&mut self, model: &str) -> &SchemaRules {
        let known = self.schema_rules.take().filter(|(known, _)| known == model);
        let known = known.unwrap_or_else(|| {
            let rules = SchemaRules::new(self.rules.clone(), &self.catalog, model);
            (model.to_owned(), rules)
        });
        &self.schema_rules.insert(known).1
    }

    /// Remembers which way of asking a model for structured output worked.
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

    /// Returns the hash that identifies an item in later runs. A default that depends on what is
    /// known about the limits is not part of it, since it may change until then.
    fn hash(&self, request: &CreateMessage, spec: &RequestSpec, body: &[u8]) -> String {
        let usual = seed_max_tokens(&self.model.id).unwrap_or(BATCH_MAX_TOKENS);
        let chosen = self.max_tokens.as_ref().map(|chosen| chosen.tokens);
        let is_set = chosen == Some(request.max_tokens) || spec.fields.contains_key("max_tokens");
        if is_set || request.max_tokens == usual {
            return request_hash(body);
        }
        let mut usual_request = request.clone();
        usual_request.max_tokens = usual;
        request_hash(&usual_request.to_json(body.len()))
    }

    /// Looks up the model's rules and limits, which the first answer may have changed.
    pub(super) async fn look_up_limits(&mut self) -> Result<(), Error> {
        self.rules = self.catalog.rules(&self.model.id, true).await?;
        self.default_max_tokens = self
            .catalog
            .default_max_tokens(&self.model, BATCH_MAX_TOKENS, true)
            .await?;
        self.output_limit = self.catalog.known_output_limit(&self.model, true).await?;
        self.tokens_a_minute = self.catalog.expected_tokens_a_minute(&self.model.id).await;
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

    /// Whether this item's request is the same as that of every other item.
    pub(super) fn asks_the_same(&self, item: &BatchItem) -> bool {
        item.file_path().is_none() && !self.pattern.as_ref().is_some_and(ItemTemplate::has_fields)
    }

    /// Returns what checks an item for secrets.
    fn guard<'g>(&'g self, numbers: &'g SecretNumbers) -> SecretGuard<'g> {
        let secrets = &self.catalog.settings().secrets;
        SecretGuard::new(self.app, secrets).for_item(numbers)
    }

    /// Fills the template from an item. What is read from files has been checked for secrets.
    fn words(&self, item: &BatchItem, numbers: &SecretNumbers) -> Result<Option<String>, Error> {
        let guard = self.guard(numbers);
        let is_file = item.file_path().is_some();
        let vet = |text: &str| {
            if is_file {
                Ok(None)
            } else {
                guard.check_item(&item.describe_place(), text)
            }
        };
        let pattern = self.pattern.as_ref();
        pattern
            .map(|pattern| pattern.fill_from(item, vet))
            .transpose()
    }

    /// Reads the item's file. Its text goes into the template, if that has a placeholder for it.
    async fn file(
        &self,
        item: &mut BatchItem,
        numbers: &SecretNumbers,
    ) -> Result<Vec<Attachment>, Error> {
        let Some(path) = item.file_path() else {
            return Ok(Vec::new());
        };
        let mut file = Attachment::read(path, most_bytes(&self.ask.input)).await?;
        if file.is_empty() {
            let name = item.describe_place();
            return Err(input::Error::Empty { name }.into());
        }
        self.guard(numbers)
            .check_files(std::slice::from_mut(&mut file), &[])?;
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

    /// Fills the saved prompt, if there is one, with the item's text.
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

/// Returns the part of a request that comes before the last blocks of the user's last message.
fn shared_prefix(request: &CreateMessage, own_blocks: usize) -> SharedPrefix {
    let is_user = |message: &InputMessage| message.role == Role::User;
    let message = request.messages.iter().rposition(is_user).unwrap_or(0);
    let blocks = request.messages.get(message);
    SharedPrefix {
        message,
        blocks: blocks.map_or(0, |last| last.content.len().saturating_sub(own_blocks)),
    }
}

/// Joins the attachments of every request and an item's own content, in the order of a turn:
/// images, PDFs, text. Also returns how many of the first blocks every request has.
fn joined(shared: &Turn, own: Turn) -> (Turn, usize) {
    if shared.content.is_empty() {
        return (own, 0);
    }
    let rank = |block: &ContentBlock| match block {
        ContentBlock::Image(_) => 0_u8,
        ContentBlock::Document(_) => 1,
        _ => 2,
    };
    let first_own = own.content.iter().map(rank).min().unwrap_or(u8::MAX);
    let shared_blocks = shared
        .content
        .iter()
        .filter(|block| rank(block) <= first_own)
        .count();
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
    let turn = Turn {
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
        pdfs: [shared.pdfs.as_slice(), &own.pdfs].concat(),
    };
    (turn, shared_blocks)
}
