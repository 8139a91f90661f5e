//! What requests cost at Anthropic's list prices, or at those that the user sets. Langdock may bill
//! differently.
//!
//! Source: Anthropic's price list, November 2026, without regional surcharges.

use super::Usage;
use super::claude_model::ClaudeModel;
use super::claude_model::ModelFamily::{self, Fable, Haiku, Opus, Sonnet};
use super::prompt_caching::CacheTtl;
use crate::text::{Money, SignedMoney, matches_name};

/// The month of the list prices.
pub(crate) const LIST_PRICES_DATE: &str = "2026-11";

/// What reading a token from the cache costs, in thousandths of an input token, where nothing else
/// is known.
const READ_PER_MILLE: u64 = 100;

/// What single tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenPrices {
    /// An input token that the cache has nothing to do with.
    pub(crate) input: Money,
    /// An output token.
    pub(crate) output: Money,
    /// One that is read from the cache.
    pub(crate) cache_read: Money,
    /// One that is written to it for five minutes.
    pub(crate) cache_write_5m: Money,
    /// One that is written to it for an hour.
    pub(crate) cache_write_1h: Money,
}

/// The prices of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ModelPrice {
    prices: TokenPrices,
    /// From how many prompt tokens on a whole request has other prices, and which.
    long: Option<(u64, TokenPrices)>,
    /// Where they come from.
    pub(crate) basis: PriceBasis,
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PriceBasis {
    /// The list of [`LIST_PRICES_DATE`].
    List,
    /// The config file.
    Config,
}

impl PriceBasis {
    /// Returns the month of the prices; none of those in the config file.
    pub(crate) fn date(self) -> Option<&'static str> {
        match self {
            Self::List => Some(LIST_PRICES_DATE),
            Self::Config => None,
        }
    }
}

/// What some tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListCost {
    /// The sum.
    pub(crate) amount: Money,
    /// Where the prices come from.
    pub(crate) basis: PriceBasis,
}

impl ListCost {
    /// Returns the cost of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            amount: self.amount.plus(other.amount),
            basis: self.basis,
        }
    }
}

/// The tokens of a request, by what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BilledTokens {
    /// Input tokens that are neither read from the cache nor written to it.
    pub(crate) fresh: u64,
    /// Those read from the cache.
    pub(crate) read: u64,
    /// Those written to it for five minutes.
    pub(crate) short_writes: u64,
    /// Those written to it for an hour.
    pub(crate) long_writes: u64,
    /// Output tokens.
    pub(crate) output: u64,
}

impl BilledTokens {
    /// Returns what an answer reports.
    pub(crate) fn from_usage(usage: &Usage) -> Self {
        let (short_writes, long_writes) = usage.cache_write_tokens();
        let read = usage.cache_read_tokens();
        let cached = read
            .saturating_add(short_writes)
            .saturating_add(long_writes);
        Self {
            fresh: usage.total_input_tokens().saturating_sub(cached),
            read,
            short_writes,
            long_writes,
            output: usage.output_tokens(),
        }
    }

    /// Returns all input tokens.
    fn prompt(self) -> u64 {
        self.fresh
            .saturating_add(self.read)
            .saturating_add(self.short_writes)
            .saturating_add(self.long_writes)
    }

    /// Returns the same without a cache.
    fn uncached(self) -> Self {
        Self {
            fresh: self.prompt(),
            output: self.output,
            ..Self::default()
        }
    }
}

impl TokenPrices {
    /// Returns prices of which those of the cache follow from that of the input. `read_per_mille`
    /// is what reading costs, in thousandths of it.
    pub(crate) const fn new(input: Money, output: Money, read_per_mille: u64) -> Self {
        Self {
            input,
            output,
            cache_read: input.per_mille(read_per_mille),
            cache_write_5m: input.per_mille(CacheTtl::FiveMinutes.write_percent() * 10),
            cache_write_1h: input.per_mille(CacheTtl::OneHour.write_percent() * 10),
        }
    }

    fn cost(&self, tokens: BilledTokens) -> Money {
        let parts = [
            (self.input, tokens.fresh),
            (self.output, tokens.output),
            (self.cache_read, tokens.read),
            (self.cache_write_5m, tokens.short_writes),
            (self.cache_write_1h, tokens.long_writes),
        ];
        let costs = parts.map(|(price, count)| price.times(count));
        costs.into_iter().fold(Money::ZERO, Money::plus)
    }
}

impl ModelPrice {
    /// Returns what a request with these tokens costs, and by which prices.
    pub(crate) fn list_cost(&self, tokens: BilledTokens) -> ListCost {
        ListCost {
            amount: self.cost(tokens),
            basis: self.basis,
        }
    }

    /// Returns what a request with these tokens costs.
    pub(crate) fn cost(&self, tokens: BilledTokens) -> Money {
        self.prices_for(tokens.prompt()).cost(tokens)
    }

    /// Returns what the cache has saved of it; negative if writing has cost more.
    pub(crate) fn saved(&self, tokens: BilledTokens) -> SignedMoney {
        self.cost(tokens.uncached()).minus(self.cost(tokens))
    }

    /// Returns the least that so many input tokens cost: all of them are read from the cache.
    pub(crate) fn least_input_cost(&self, tokens: u64) -> Money {
        let prices = self.prices_for(tokens);
        prices.cache_read.min(prices.input).times(tokens)
    }

    /// Returns the prices of a request with so many prompt tokens.
    pub(crate) fn prices_for(&self, prompt_tokens: u64) -> &TokenPrices {
        match &self.long {
            Some((threshold, prices)) if prompt_tokens > *threshold => prices,
            _ => &self.prices,
        }
    }
}

/// A row of the list: the price of a million tokens of input and of output, in thousandths of a
/// dollar, and what reading costs, in thousandths of an input token.
struct PriceRow {
    models: &'static [ClaudeModel],
    input: u64,
    output: u64,
    read_per_mille: u64,
    /// The same above so many prompt tokens, for the whole request.
    long: Option<LongPrompt>,
}

/// The prices of a request with a long prompt.
struct LongPrompt {
    threshold: u64,
    input: u64,
    output: u64,
}

/// Writes a model as the list does.
const fn model(family: ModelFamily, major: u8, minor: u8) -> ClaudeModel {
    ClaudeModel {
        family,
        major,
        minor,
    }
}

const fn row(
    models: &'static [ClaudeModel],
    input: u64,
    output: u64,
    read_per_mille: u64,
) -> PriceRow {
    PriceRow {
        models,
        input,
        output,
        read_per_mille,
        long: None,
    }
}

/// The list prices. A model without a row has none.
const LIST_PRICES: [PriceRow; 9] = [
    row(&[model(Fable, 5, 2)], 8_000, 40_000, READ_PER_MILLE),
    row(&[model(Fable, 5, 1)], 10_000, 50_000, 25),
    row(&[model(Opus, 5, 5)], 4_000, 20_000, 50),
    row(
        &[
            model(Opus, 5, 0),
            model(Opus, 4, 8),
            model(Opus, 4, 7),
            model(Opus, 4, 6),
            model(Opus, 4, 5),
        ],
        5_000,
        25_000,
        READ_PER_MILLE,
    ),
    row(&[model(Sonnet, 5, 5)], 2_000, 10_000, 50),
    row(&[model(Sonnet, 5, 0)], 2_000, 10_000, READ_PER_MILLE),
    row(
        &[
            model(Sonnet, 4, 6),
            model(Sonnet, 4, 5),
            model(Sonnet, 4, 0),
        ],
        3_000,
        15_000,
        READ_PER_MILLE,
    ),
    PriceRow {
        long: Some(LongPrompt {
            threshold: 100_000,
            input: 500,
            output: 2_500,
        }),
        ..row(&[model(Haiku, 5, 5)], 100, 500, READ_PER_MILLE)
    },
    row(&[model(Haiku, 4, 5)], 1_000, 5_000, READ_PER_MILLE),
];

impl PriceRow {
    fn of_model(model_id: &str) -> Option<&'static Self> {
        let model = ClaudeModel::from_id(model_id)?;
        LIST_PRICES.iter().find(|row| row.models.contains(&model))
    }

    fn price(&self) -> ModelPrice {
        let prices = |input, output| {
            let (input, output) = (Money::per_token(input), Money::per_token(output));
            TokenPrices::new(input, output, self.read_per_mille)
        };
        let long = self
            .long
            .as_ref()
            .map(|long| (long.threshold, prices(long.input, long.output)));
        ModelPrice {
            prices: prices(self.input, self.output),
            long,
            basis: PriceBasis::List,
        }
    }
}

/// Prices that the user sets for the models of a pattern. Those that are missing follow from the
/// others, or from the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriceOverride {
    /// The id of a model; each `*` stands for any text.
    pub(crate) pattern: String,
    /// What a token costs, in the order of [`PRICE_KINDS`].
    pub(crate) prices: [Option<Money>; PRICE_KINDS.len()],
}

/// Parses the price of a million tokens in dollars, and returns that of one; none if it is not a
/// decimal number, or too small a part of a dollar.
pub(crate) fn price_of_a_token(text: &str) -> Option<Money> {
    let million = Money::from_decimal(text)?;
    let one = million.divided_by(1_000_000);
    (one.times(1_000_000) == million).then_some(one)
}

/// The prices that can be set.
pub(crate) const PRICE_KINDS: [&str; 5] = [
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
];

/// Returns the price of a model. Of the overrides that match its id and set any price, the one with
/// the longest pattern counts.
pub(crate) fn model_price(model_id: &str, overrides: &[PriceOverride]) -> Option<ModelPrice> {
    let row = PriceRow::of_model(model_id);
    let matching = overrides
        .iter()
        .filter(|set| set.prices.iter().any(Option::is_some))
        .filter(|set| matches_name(&set.pattern, model_id));
    let Some(set) = matching.max_by_key(|set| set.pattern.len()) else {
        return Some(row?.price());
    };
    let listed = row.map(PriceRow::price);
    let listed_prices = listed.as_ref().map(|price| price.prices);
    // What is set for input or output holds for long prompts too.
    let is_listed = set.prices[..2].iter().all(Option::is_none);
    let listed_long = listed.filter(|_| is_listed).and_then(|price| price.long);
    let [input, output, cache_read, short_write, long_write] = set.prices;
    let input = input.or_else(|| Some(listed_prices?.input))?;
    let output = output.or_else(|| Some(listed_prices?.output))?;
    let read_per_mille = row.map_or(READ_PER_MILLE, |row| row.read_per_mille);
    let with_set = |prices: TokenPrices| TokenPrices {
        cache_read: cache_read.unwrap_or(prices.cache_read),
        cache_write_5m: short_write.unwrap_or(prices.cache_write_5m),
        cache_write_1h: long_write.unwrap_or(prices.cache_write_1h),
        ..prices
    };
    Some(ModelPrice {
        prices: with_set(TokenPrices::new(input, output, read_per_mille)),
        long: listed_long.map(|(threshold, prices)| (threshold, with_set(prices))),
        basis: PriceBasis::Config,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn money(text: &str) -> Money {
        Money::from_decimal(text).expect(text)
    }

    /// What a million tokens of each kind cost.
    fn of_a_million(price: &ModelPrice, prompt_tokens: u64) -> [String; 5] {
        let prices = price.prices_for(prompt_tokens);
        [
            prices.input,
            prices.output,
            prices.cache_read,
            prices.cache_write_5m,
            prices.cache_write_1h,
        ]
        .map(|price| price.times(1_000_000).to_string())
    }

    fn price(model_id: &str) -> ModelPrice {
        model_price(model_id, &[]).expect(model_id)
    }

    #[test]
    fn each_model_has_the_prices_of_its_row() {
        for (ids, prices) in [
            (
                &["claude-fable-5-2"][..],
                ["$8.00", "$40.00", "$0.8000", "$10.00", "$16.00"],
            ),
            (
                &["claude-fable-5-1"],
                ["$10.00", "$50.00", "$0.2500", "$12.50", "$20.00"],
            ),
            (
                &["claude-opus-5-5-default"],
                ["$4.00", "$20.00", "$0.2000", "$5.00", "$8.00"],
            ),
            (
                &[
                    "claude-opus-5",
                    "claude-opus-4-5-20251101",
                    "claude-opus-4-8-default",
                ],
                ["$5.00", "$25.00", "$0.5000", "$6.25", "$10.00"],
            ),
            (
                &["claude-sonnet-5-5"],
                ["$2.00", "$10.00", "$0.1000", "$2.50", "$4.00"],
            ),
            (
                &["claude-sonnet-5-default"],
                ["$2.00", "$10.00", "$0.2000", "$2.50", "$4.00"],
            ),
            (
                &["claude-sonnet-4-20250514", "claude-sonnet-4-6-default"],
                ["$3.00", "$15.00", "$0.3000", "$3.75", "$6.00"],
            ),
            (
                &["claude-haiku-4-5@20251001"],
                ["$1.00", "$5.00", "$0.1000", "$1.25", "$2.00"],
            ),
        ] {
            for id in ids {
                assert_eq!(of_a_million(&price(id), 1), prices, "{id}");
            }
        }
        for id in [
            "claude-3-5-sonnet-20240620",
            "claude-3-opus-20240229",
            "claude-opus-4-20250514",
            "claude-opus-4-1-20250805",
            "claude-fable-5",
            "claude-mythos-5",
            "my-claude-opus-5",
            "qwen",
        ] {
            assert_eq!(model_price(id, &[]), None, "{id}");
        }
    }

    #[test]
    fn above_its_threshold_the_whole_request_costs_more() {
        let price = price("claude-haiku-5-5");
        let of = |prompt_tokens| of_a_million(&price, prompt_tokens);
        assert_eq!(of(100_000)[..2], ["$0.1000", "$0.5000"]);
        assert_eq!(of(100_001)[..3], ["$0.5000", "$2.50", "$0.0500"]);
        let tokens = BilledTokens {
            fresh: 1,
            read: 100_000,
            output: 1_000_000,
            ..BilledTokens::default()
        };
        assert_eq!(price.cost(tokens), money("2.5050005"));
    }

    #[test]
    fn cached_tokens_have_prices_of_their_own_and_what_they_save_is_exact() {
        let usage = json!({
            "input_tokens": 1_000, "cache_read_input_tokens": 20_000,
            "cache_creation_input_tokens": 3_000, "output_tokens": 500,
            "cache_creation": {"ephemeral_1h_input_tokens": 1_000, "ephemeral_5m_input_tokens": 2_000},
        });
        let usage: Usage = serde_json::from_value(usage).expect("usage");
        let tokens = BilledTokens::from_usage(&usage);
        let price = price("claude-sonnet-5");
        // 1,000 · 2 + 20,000 · 0.2 + 2,000 · 2.5 + 1,000 · 4 + 500 · 10 dollars per million.
        assert_eq!(price.cost(tokens), money("0.02"));
        assert_eq!(price.saved(tokens), money("0.033").minus(Money::ZERO));
        let written = BilledTokens {
            short_writes: 1_000_000,
            ..BilledTokens::default()
        };
        assert_eq!(price.saved(written).to_string(), "-$0.5000");
        assert_eq!(price.least_input_cost(1_000_000), money("0.2"));
    }

    #[test]
    fn a_long_prompt_keeps_its_price_where_only_the_cache_has_another() {
        let model = "claude-haiku-5-5";
        let long = |set: [Option<Money>; 5]| {
            let set = PriceOverride {
                pattern: "claude-*".to_owned(),
                prices: set,
            };
            let price = model_price(model, &[set]).expect("a price");
            *price.prices_for(1_000_000)
        };
        let listed = *model_price(model, &[])
            .expect("a price")
            .prices_for(1_000_000);
        let one = price_of_a_token("1").expect("an amount");
        let cached = long([None, None, Some(one), None, None]);
        assert_eq!((cached.input, cached.output), (listed.input, listed.output));
        assert_eq!(cached.cache_read, one);
        assert_eq!(long([Some(one), None, None, None, None]).input, one);
    }

    #[test]
    fn what_the_user_sets_goes_before_the_list_and_the_longest_pattern_counts() {
        let set = |pattern: &str, prices: [Option<&str>; 5]| PriceOverride {
            pattern: pattern.to_owned(),
            prices: prices.map(|price| price.and_then(price_of_a_token)),
        };
        let overrides = [
            set("*", [Some("7"), Some("70"), None, None, None]),
            set("claude-*", [Some("1"), None, None, Some("9"), None]),
            set(
                "claude-sonnet-*-default",
                [None, Some("3"), Some("0"), None, None],
            ),
            set("claude-fable-5-1", [None; 5]),
        ];
        let of = |id| model_price(id, &overrides).map(|price| of_a_million(&price, 1_000_000));
        let cents = |prices: [&str; 5]| Some(prices.map(str::to_owned));
        assert_eq!(
            of("qwen"),
            cents(["$7.00", "$70.00", "$0.7000", "$8.75", "$14.00"])
        );
        assert_eq!(
            of("claude-fable-5-1"),
            cents(["$1.00", "$50.00", "$0.0250", "$9.00", "$2.00"])
        );
        assert_eq!(
            of("claude-sonnet-5-default"),
            cents(["$2.00", "$3.00", "$0.00", "$2.50", "$4.00"])
        );
        assert_eq!(of("claude-mythos-5"), None, "an output price is not known");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, is_match) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "ab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("*-x", "a-x-y", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches_name(pattern, text), is_match, "{pattern} {text}");
        }
    }
}
