//! The table of rules.

use super::inline_text::InlineText;

/// How one kind of secret looks.
#[derive(Debug)]
pub(super) struct SecretRule {
    /// The name that `secrets.allow` has for it.
    pub(super) name: InlineText<28>,
    /// What it is, for people.
    pub(super) kind: InlineText<32>,
    /// The texts that mark it, separated by spaces, at least three bytes each: it begins with one
    /// of them, unless `leads` says otherwise.
    pub(super) anchors: InlineText<96>,
    /// The fewest and the most bytes of it that come before the anchor. Without any, the anchor
    /// begins a word.
    pub(super) leads: (usize, usize),
    /// A regular expression for all of it. If it has a group, only that part is the secret.
    pub(super) pattern: InlineText<192>,
    /// What has to hold besides.
    pub(super) check: RuleCheck,
}

/// What has to hold besides the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleCheck {
    /// It is not a placeholder.
    NoPlaceholder,
    /// It has capitals, small letters and digits, and is not a placeholder: the prefix alone could
    /// begin a word.
    MixedCharacters,
    /// The first part decodes to the JSON header of a token, and the second is not that of the
    /// example in the documentation.
    JwtHeader,
    /// It has as many base64 characters as the smallest private key.
    KeyBody,
}

/// A part of an expression for the lines between which a private key is.
macro_rules! key_label {
    () => {
        "(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    };
}

impl SecretRule {
    /// Returns a rule with another check.
    const fn with_check(self, check: RuleCheck) -> Self {
        Self { check, ..self }
    }

    /// Returns a rule whose anchor has this many bytes of the secret before it.
    const fn with_leads(self, least: usize, most: usize) -> Self {
        let leads = (least, most);
        Self { leads, ..self }
    }
}

/// Returns a rule for a token that begins with its prefix.
const fn token(name: &str, kind: &str, anchors: &str, pattern: &str) -> SecretRule {
    SecretRule {
        name: InlineText::new(name),
        kind: InlineText::new(kind),
        anchors: InlineText::new(anchors),
        leads: (0, 0),
        pattern: InlineText::new(pattern),
        check: RuleCheck::NoPlaceholder,
    }
}

/// The rules. The comment above each says where its format is published.
pub(super) static RULES: [SecretRule; 61] = [
    // AWS, IAM User Guide, "IAM identifiers": AKIA for users, ASIA for temporary keys; 20
    // characters of base32.
    token(
        "aws-access-key",
        "AWS access key",
        "AKIA ASIA",
        "A[KS]IA[A-Z2-7]{16}",
    ),
    // AWS, CLI User Guide, "Configuration and credential file settings", and the JSON of
    // CreateAccessKey: 40 characters, found beside its name only.
    token(
        "aws-secret-key",
        "AWS secret access key",
        "ecret_access_key ecretAccessKey ecret-access-key ECRET_ACCESS_KEY",
        concat!(
            r#"(?i)secret[_-]?access[_-]?key[\\"'`]{0,4}\s{0,4}(?:[:=>]|=>|:=)"#,
            r#"\s{0,4}[\\"'`]{0,4}([a-z0-9/+]{40})"#
        ),
    )
    .with_leads(1, 1)
    .with_check(RuleCheck::MixedCharacters),
    // Google Cloud, "Create and delete service account keys": the JSON file's `private_key`.
    token(
        "google-service-account",
        "Google service account key",
        "\"private_key\"",
        concat!(
            r#""private_key"\s{0,4}:\s{0,4}"(-----BEGIN PRIVATE KEY-----[^"-]{60,}-----END "#,
            key_label!(),
            ")"
        ),
    )
    .with_check(RuleCheck::KeyBody),
    // RFC 7468, sections 10 and 11; RFC 9580, section 6.2; OpenSSH, PROTOCOL.key.
    token(
        "private-key",
        "private key",
        "BEGIN",
        concat!(
            "-----BEGIN ",
            key_label!(),
            "(?:(?:[^-]|-[^-])*?-----END ",
            key_label!(),
            r"|[A-Za-z0-9+/=\s\\]{60,})"
        ),
    )
    .with_leads(5, 5)
    .with_check(RuleCheck::KeyBody),
    // RFC 7519, section 3; RFC 7515, section 4.1.1 requires `alg`.
    token(
        "jwt",
        "JSON Web Token",
        "eyJ",
        r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    )
    .with_check(RuleCheck::JwtHeader),
    // Google Cloud, "Manage API keys".
    token(
        "google-api-key",
        "Google API key",
        "AIza",
        "AIza[A-Za-z0-9_-]{35}",
    ),
    // Google, "OAuth client secret format".
    token(
        "google-oauth-secret",
        "Google OAuth client secret",
        "GOCSPX-",
        "GOCSPX-[A-Za-z0-9_-]{28}",
    ),
    // Azure, "Configure Azure Storage connection strings": the base64 of 64 bytes.
    token(
        "azure-storage-key",
        "Azure storage key",
        "AccountKey=",
        "AccountKey=([A-Za-z0-9+/]{86}==)",
    ),
    // Azure, "Get an Event Hubs connection string": the base64 of 32 bytes.
    token(
        "azure-shared-access-key",
        "Azure shared access key",
        "SharedAccessKey=",
        "SharedAccessKey=([A-Za-z0-9+/]{43}=)",
    ),
    // Microsoft Purview, "Microsoft Entra client secret".
    token(
        "entra-client-secret",
        "Microsoft Entra client secret",
        "7Q~ 8Q~",
        r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}",
    )
    .with_leads(3, 3)
    .with_check(RuleCheck::MixedCharacters),
    // GitHub, "Behind GitHub's new authentication token formats".
    token(
        "github-token",
        "GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        "gh[pousr]_[A-Za-z0-9]{36}",
    ),
    // GitHub, "Introducing fine-grained personal access tokens".
    token(
        "github-fine-grained-token",
        "GitHub fine-grained token",
        "github_pat_",
        "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    ),
    // GitLab, "Token overview", "Token prefixes"; routable tokens have two more parts.
    token(
        "gitlab-token",
        "GitLab token",
        "glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat-",
        concat!(
            "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_-]{20,}",
            r"(?:\.[a-z0-9]{2}\.[a-z0-9]{9})?"
        ),
    ),
    // Bitbucket Cloud, "App passwords"; Atlassian, "Manage API tokens".
    token(
        "atlassian-token",
        "Atlassian token",
        "ATATT3 ATCTT3 ATBB",
        "(?:AT[AC]TT3[A-Za-z0-9_=-]{60,}|ATBB[A-Za-z0-9]{24}[A-F0-9]{8})",
    ),
    // npm, "About access tokens"; GitHub changelog, "npm has a new access token format".
    token("npm-token", "npm token", "npm_", "npm_[A-Za-z0-9]{36}"),
    // PyPI, warehouse, `macaroons`: the macaroon's location follows the prefix in base64.
    token(
        "pypi-token",
        "PyPI token",
        "pypi-AgE",
        "pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}",
    ),
    // The Rust registry's own source, `crates_io_database`, `utils/token.rs`.
    token(
        "cargo-token",
        "Cargo registry token",
        "cio",
        "cio(?:_tp_)?[A-Za-z0-9]{32}",
    )
    .with_check(RuleCheck::MixedCharacters),
    // RubyGems, "API key scopes".
    token(
        "rubygems-key",
        "RubyGems API key",
        "rubygems_",
        "rubygems_[a-f0-9]{48}",
    ),
    // NuGet, "Scoped API keys".
    token("nuget-key", "NuGet API key", "oy2", "oy2[a-z0-9]{43}"),
    // Docker, "Personal access tokens" and "Organization access tokens".
    token(
        "docker-token",
        "Docker access token",
        "dckr_pat_ dckr_oat_",
        "dckr_(?:pat_[A-Za-z0-9_-]{27}|oat_[A-Za-z0-9_-]{32})",
    ),
    // Hugging Face, "User access tokens".
    token(
        "hugging-face-token",
        "Hugging Face token",
        "hf_ api_org_",
        "(?:hf|api_org)_[A-Za-z0-9]{34}",
    ),
    // Anthropic, "API and data usage", key formats by secret scanning partners.
    token(
        "anthropic-key",
        "Anthropic API key",
        "sk-ant-",
        "sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,}",
    ),
    // Langdock, "API keys".
    token(
        "langdock-key",
        "Langdock API key",
        "sk-ld-",
        "sk-ld-[A-Za-z0-9_-]{20,}",
    ),
    // OpenAI, "API keys": of projects, service accounts and administrators.
    token(
        "openai-project-key",
        "OpenAI API key",
        "sk-proj- sk-svcacct- sk-admin-",
        "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{48,}",
    ),
    // OpenRouter, "API authentication".
    token(
        "openrouter-key",
        "OpenRouter API key",
        "sk-or-v1-",
        "sk-or-v1-[a-f0-9]{64}",
    ),
    // OpenAI, "API keys" of users: 48 characters; DeepSeek and others: 32 hexadecimal digits.
    token(
        "sk-key",
        "API key (sk-…)",
        "sk-",
        "sk-(?:[A-Za-z0-9]{48}|[a-f0-9]{32})",
    ),
    // xAI, "API keys".
    token("xai-key", "xAI API key", "xai-", "xai-[A-Za-z0-9]{80}"),
    // Groq, "API keys".
    token("groq-key", "Groq API key", "gsk_", "gsk_[A-Za-z0-9]{52}"),
    // Perplexity, "API key management".
    token(
        "perplexity-key",
        "Perplexity API key",
        "pplx-",
        "pplx-[A-Za-z0-9]{48}",
    ),
    // Replicate, "API tokens".
    token(
        "replicate-token",
        "Replicate token",
        "r8_",
        "r8_[A-Za-z0-9]{37}",
    ),
    // Stripe, "API keys": secret and restricted keys of live mode.
    token(
        "stripe-key",
        "Stripe live key",
        "sk_live_ rk_live_",
        "[sr]k_live_[A-Za-z0-9]{24,}",
    ),
    // Stripe, "Verify webhook signatures".
    token(
        "webhook-secret",
        "webhook signing secret",
        "whsec_",
        "whsec_[A-Za-z0-9+/]{32,}={0,2}",
    ),
    // Square, "Access tokens and other Square credentials".
    token(
        "square-secret",
        "Square OAuth secret",
        "sq0csp-",
        "sq0csp-[A-Za-z0-9_-]{43}",
    ),
    // Shopify, "About access tokens".
    token(
        "shopify-token",
        "Shopify token",
        "shpat_ shpca_ shppa_ shpss_",
        "shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
    ),
    // Twilio, "API keys": SK and 32 hexadecimal digits.
    token(
        "twilio-key",
        "Twilio API key",
        "SK0 SK1 SK2 SK3 SK4 SK5 SK6 SK7 SK8 SK9 SKa SKb SKc SKd SKe SKf",
        "SK[a-f0-9]{32}",
    ),
    // SendGrid, "API keys".
    token(
        "sendgrid-key",
        "SendGrid API key",
        "SG.",
        r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    ),
    // Mailgun, "API keys" of the older form.
    token("mailgun-key", "Mailgun API key", "key-", "key-[a-f0-9]{32}"),
    // DigitalOcean, "Personal access tokens" and "OAuth API".
    token(
        "digitalocean-token",
        "DigitalOcean token",
        "dop_v1_ doo_v1_ dor_v1_",
        "do[por]_v1_[a-f0-9]{64}",
    ),
    // Heroku, "Platform API", token prefix.
    token(
        "heroku-token",
        "Heroku token",
        "HRKU-",
        "HRKU-AA[A-Za-z0-9_-]{58}",
    ),
    // Fly.io, "Access tokens".
    token(
        "fly-token",
        "Fly.io token",
        "fm1_ fm1r_ fm2_ fo1_",
        "(?:fm1r?|fm2|fo1)_[A-Za-z0-9+/_-]{43,}={0,2}",
    ),
    // Netlify, "Access tokens".
    token(
        "netlify-token",
        "Netlify token",
        "nfp_",
        "nfp_[A-Za-z0-9]{36}",
    ),
    // Slack, "Token types".
    token(
        "slack-token",
        "Slack token",
        "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-",
        "xox[abeoprs]-(?:[0-9]-)?[0-9]{8,}-[A-Za-z0-9-]{16,}",
    ),
    // Slack, "Token types", app-level tokens.
    token(
        "slack-app-token",
        "Slack app token",
        "xapp-",
        "xapp-[0-9]-[A-Z0-9]{8,}-[0-9]{8,}-[a-f0-9]{64}",
    ),
    // Slack, "Sending messages using incoming webhooks".
    token(
        "slack-webhook",
        "Slack webhook",
        "hooks.slack.com/services/",
        "hooks[.]slack[.]com/services/T[A-Z0-9]{7,12}/B[A-Z0-9]{7,12}/[A-Za-z0-9]{24}",
    ),
    // Discord, "Webhook resource": an id and a token of 68 characters.
    token(
        "discord-webhook",
        "Discord webhook",
        "discord.com/api/webhooks/ discordapp.com/api/webhooks/",
        "discord(?:app)?[.]com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}",
    ),
    // Telegram, "From BotFather to 'Hello World'".
    token(
        "telegram-bot-token",
        "Telegram bot token",
        ":AA",
        "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
    )
    .with_leads(8, 10)
    .with_check(RuleCheck::MixedCharacters),
    // age, "The age file encryption format": the Bech32 of an X25519 identity.
    token(
        "age-key",
        "age secret key",
        "AGE-SECRET-KEY-1",
        "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
    ),
    // HashiCorp Vault, "Tokens", prefixes since 1.10.
    token(
        "vault-token",
        "Vault token",
        "hvs. hvb.",
        r"hv[sb]\.[A-Za-z0-9_-]{24,}",
    ),
    // HCP Terraform, "API tokens".
    token(
        "terraform-token",
        "Terraform token",
        ".atlasv1.",
        r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}",
    )
    .with_leads(14, 14),
    // Pulumi, "Access tokens".
    token("pulumi-token", "Pulumi token", "pul-", "pul-[a-f0-9]{40}"),
    // Doppler, "Auth token formats".
    token(
        "doppler-token",
        "Doppler token",
        "dp.pt. dp.st. dp.sa. dp.ct.",
        r"dp\.(?:pt|sa|ct|st(?:\.[a-z0-9_-]{2,35})?)\.[A-Za-z0-9]{40,44}",
    ),
    // Databricks, "Personal access token authentication".
    token(
        "databricks-token",
        "Databricks token",
        "dapi",
        "dapi[a-f0-9]{32}(?:-[0-9])?",
    ),
    // Grafana, "Service accounts"; Grafana Cloud, "Access policies".
    token(
        "grafana-token",
        "Grafana token",
        "glsa_ glc_",
        "(?:glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_eyJ[A-Za-z0-9+/]{32,}={0,2})",
    ),
    // New Relic, "API keys": user keys.
    token(
        "new-relic-key",
        "New Relic user key",
        "NRAK-",
        "NRAK-[A-Z0-9]{27}",
    ),
    // Sentry, "Auth tokens" (RFC 0091).
    token(
        "sentry-token",
        "Sentry token",
        "sntrys_ sntryu_",
        "(?:sntryu_[a-f0-9]{64}|sntrys_eyJ[A-Za-z0-9+/=]{40,}_[A-Za-z0-9+/]{43})",
    ),
    // Postman, "Generate a Postman API key".
    token(
        "postman-key",
        "Postman API key",
        "PMAK-",
        "PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
    ),
    // Linear, "API and webhooks".
    token(
        "linear-key",
        "Linear API key",
        "lin_api_",
        "lin_api_[A-Za-z0-9]{40}",
    ),
    // Notion, "Authorization", format of tokens since 2024.
    token(
        "notion-token",
        "Notion token",
        "ntn_",
        "ntn_[0-9]{11}[A-Za-z0-9]{35}",
    ),
    // Supabase, "Access tokens" and "API keys".
    token(
        "supabase-key",
        "Supabase key",
        "sbp_ sb_secret_",
        "(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{31})",
    ),
    // PlanetScale, "Service tokens" and "Passwords".
    token(
        "planetscale-token",
        "PlanetScale token",
        "pscale_tkn_ pscale_pw_ pscale_oauth_",
        "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}",
    ),
    // Tailscale, "Auth keys" and "API access tokens".
    token(
        "tailscale-key",
        "Tailscale key",
        "tskey-",
        "tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,}-[A-Za-z0-9]{20,}",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_anchors_that_the_scan_can_look_for() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names.len(), RULES.len());
        for rule in &RULES {
            assert!(!rule.kind.as_str().is_empty(), "{rule:?}");
            for anchor in rule.anchors.words() {
                assert!(anchor.len() >= 3, "{rule:?}");
            }
        }
    }
}
