//! Tokens in their published formats, described by their parts.
//!
//! In a description, `|` is nothing: it only splits what a scanner would know. `<36:alnum>` is as
//! many random characters of an alphabet.

/// The tokens of a rule.
pub(super) struct TokenSample {
    /// The name of the rule.
    pub(super) rule: &'static str,
    /// Tokens that it finds.
    pub(super) formats: &'static [&'static str],
    /// What it does not find, nor any other rule.
    pub(super) near_misses: &'static [&'static str],
}

const fn sample(
    rule: &'static str,
    formats: &'static [&'static str],
    near_misses: &'static [&'static str],
) -> TokenSample {
    TokenSample {
        rule,
        formats,
        near_misses,
    }
}

/// The samples of all rules.
pub(super) const SAMPLES: &[TokenSample] = &[
    sample(
        "aws-access-key",
        &["AK|IA<16:base32>", "AS|IA<16:base32>"],
        &[
            "AK|IA<15:base32>",
            "AK|IA<17:base32>",
            "AK|IA<15:base32>1",
            "AB|IA<16:base32>",
            "AK|IA<9:base32>EXAMPLE",
        ],
    ),
    sample(
        "aws-secret-key",
        &[
            "aws_secret_|access_key = <37:aws>aZ5",
            "AWS_SECRET_|ACCESS_KEY=<37:aws>aZ5",
            "\"Secret|AccessKey\": \"<37:aws>aZ5\"",
            "secret|AccessKey: '<37:aws>aZ5'",
        ],
        &[
            "aws_secret_|access_key = <36:aws>aZ5",
            "aws_secret_|access_key = <40:hex>",
            "aws_session_|name = <37:aws>aZ5",
            "secret_|access_key is <37:aws>aZ5",
        ],
    ),
    sample(
        "google-service-account",
        &[
            "\"private_|key\": \"-----BEGIN| PRIVATE KEY-----\\n<64:base64>\\n<64:base64>\\n\
             -----END| PRIVATE KEY-----\\n\"",
        ],
        &[
            "\"private_|key\": \"-----BEGIN| PRIVATE KEY-----\\n...\\n-----END| PRIVATE KEY-----\\n\"",
            "\"private_|key_id\": \"<40:hex>\"",
        ],
    ),
    sample(
        "private-key",
        &[
            "-----BEGIN| PRIVATE KEY-----\n<64:base64>\n\
             -----END| PRIVATE KEY-----",
            "-----BEGIN| RSA PRIVATE KEY-----\n<64:base64>\n<64:base64>\n\
             -----END| RSA PRIVATE KEY-----",
            "-----BEGIN| OPENSSH PRIVATE KEY-----\n<70:base64>\n<70:base64>\n\
             -----END| OPENSSH PRIVATE KEY-----",
            "-----BEGIN| PGP PRIVATE KEY BLOCK-----\n\n<64:base64>\n<64:base64>\n\
             -----END| PGP PRIVATE KEY BLOCK-----",
            "-----BEGIN| EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
             DEK-Info: AES-256-CBC,<32:hex>\n\n<64:base64>\n<64:base64>\n\
             -----END| EC PRIVATE KEY-----",
        ],
        &[
            "-----BEGIN| PRIVATE KEY-----",
            "-----BEGIN| PRIVATE KEY-----\n...\n\
             -----END| PRIVATE KEY-----",
            "-----BEGIN| PRIVATE KEY-----\n(the lines of your key go here, as they are in the file)\n\
             -----END| PRIVATE KEY-----",
            "-----BEGIN| PUBLIC KEY-----\n<64:base64>\n<64:base64>\n-----END| PUBLIC KEY-----",
            "-----BEGIN| CERTIFICATE-----\n<64:base64>\n<64:base64>\n-----END| CERTIFICATE-----",
        ],
    ),
    sample(
        "jwt",
        // The header is {"alg":"HS256"}.
        &[
            "eyJ|hbGciOiJIUzI1NiJ9.eyJ<40:alnum>.<43:url64>",
            "eyJ|hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ<90:alnum>.<86:url64>",
        ],
        &[
            // {"typ":"JWT"}, and what is not JSON.
            "eyJ|0eXAiOiJKV1QifQ.eyJ<40:alnum>.<43:url64>",
            "eyJ|<40:alnum>.eyJ<40:alnum>.<43:url64>",
            "eyJ|hbGciOiJIUzI1NiJ9.eyJ<40:alnum>",
            "eyJ|hbGciOiJIUzI1NiJ9.eyJ|zdWIiOiIxMjM0NTY3ODkwIi<40:alnum>.<43:url64>",
        ],
    ),
    sample(
        "google-api-key",
        &["AI|za<34:url64>k"],
        &["AI|za<33:url64>k", "AI|zb<34:url64>k"],
    ),
    sample(
        "google-oauth-secret",
        &["GOC|SPX-<27:url64>k"],
        &["GOC|SPX-<26:url64>k", "GOC|SPY-<27:url64>k"],
    ),
    sample(
        "azure-storage-key",
        &["DefaultEndpointsProtocol=https;AccountName=a;\
             Account|Key=<86:base64>==;EndpointSuffix=core.windows.net"],
        &[
            "Account|Key=<85:base64>=",
            "Account|Name=<86:base64>==",
            "Account|Key=Eby8vdM02xNO<74:base64>==",
        ],
    ),
    sample(
        "azure-shared-access-key",
        &["Endpoint=sb://a/;SharedAccessKeyName=n;SharedAccess|Key=<43:base64>="],
        &[
            "SharedAccess|Key=<42:base64>==",
            "SharedAccess|KeyName=<43:base64>=",
        ],
    ),
    sample(
        "entra-client-secret",
        &["aB3|8Q~<33:alnum>1", "Xy9|7Q~<30:alnum>1"],
        &["aB3|8Q~<28:alnum>1", "aB3|9Q~<33:alnum>1"],
    ),
    sample(
        "github-token",
        &[
            "gh|p_<36:alnum>",
            "gh|o_<36:alnum>",
            "gh|u_<36:alnum>",
            "gh|s_<36:alnum>",
            "gh|r_<36:alnum>",
        ],
        &[
            "gh|p_<35:alnum>",
            "gh|p_<37:alnum>",
            "gh|x_<36:alnum>",
            "gh|p-<36:alnum>",
        ],
    ),
    sample(
        "github-fine-grained-token",
        &["github|_pat_<22:alnum>_<59:alnum>"],
        &[
            "github|_pat_<22:alnum>_<58:alnum>",
            "github|_pat_<22:alnum>-<59:alnum>",
        ],
    ),
    sample(
        "gitlab-token",
        &[
            "glpat|-<19:url64>k",
            "glrt|-<19:url64>k",
            "gldt|-<19:url64>k",
            "glptt|-<40:hex>",
            "glpat|-<26:url64>k.01.<9:base36>",
        ],
        &["glpat|-<17:alnum>", "glpet|-<20:alnum>"],
    ),
    sample(
        "atlassian-token",
        &["ATA|TT3<185:url64>k", "ATB|B<24:alnum><8:HEX>"],
        &[
            "ATA|TT3<40:alnum>",
            "ATB|B<24:alnum><7:HEX>",
            "ATA|TT4<185:alnum>",
        ],
    ),
    sample(
        "npm-token",
        &["npm|_<36:alnum>"],
        &["npm|_<35:alnum>", "npm|_<37:alnum>", "npm|-<36:alnum>"],
    ),
    sample(
        "pypi-token",
        &[
            "py|pi-AgEIcHlwaS5vcmc<100:url64>k",
            "py|pi-AgENdGVzdC5weXBpLm9yZw<100:url64>k",
        ],
        &["py|pi-AgEIcHlwaS5vcmc<40:alnum>", "py|pi-<100:alnum>"],
    ),
    sample(
        "cargo-token",
        &["ci|o<29:alnum>aZ5", "ci|o_tp_<29:alnum>aZ5"],
        &["ci|o<28:alnum>aZ5", "ci|o<32:lower>", "ci|a<29:alnum>aZ5"],
    ),
    sample(
        "rubygems-key",
        &["ruby|gems_<48:hex>"],
        &["ruby|gems_<47:hex>", "ruby|gems_<48:HEX>"],
    ),
    sample(
        "nuget-key",
        &["oy|2<43:base36>"],
        &["oy|2<42:base36>", "oy|3<43:base36>"],
    ),
    sample(
        "docker-token",
        &["dckr|_pat_<26:url64>k", "dckr|_oat_<31:url64>k"],
        &["dckr|_pat_<25:alnum>k", "dckr|_pot_<26:alnum>k"],
    ),
    sample(
        "hugging-face-token",
        &["h|f_<34:letters>", "api|_org_<34:letters>"],
        &["h|f_<33:letters>", "h|f_<35:letters>", "hg|_<34:letters>"],
    ),
    sample(
        "anthropic-key",
        &[
            "sk|-ant-api03-<93:url64>AA",
            "sk|-ant-admin01-<93:url64>AA",
            "sk|-ant-oat01-<93:url64>AA",
        ],
        &[
            "sk|-ant-api03-<60:alnum>",
            "sk|-ant-<30:alnum>",
            "sk|-ant-api03-...",
        ],
    ),
    sample(
        "langdock-key",
        &["sk|-ld-<39:url64>k"],
        &["sk|-ld-<10:alnum>", "sk|-ld-your-key"],
    ),
    sample(
        "openai-project-key",
        &[
            "sk|-proj-<74:url64>T3BlbkFJ<73:url64>k",
            "sk|-svcacct-<74:url64>T3BlbkFJ<73:url64>k",
            "sk|-admin-<58:url64>T3BlbkFJ<57:url64>k",
        ],
        &["sk|-proj-<30:alnum>", "sk|-project-<30:alnum>"],
    ),
    sample(
        "openrouter-key",
        &["sk|-or-v1-<64:hex>"],
        &["sk|-or-v1-<63:hex>", "sk|-or-v2-<64:hex>"],
    ),
    sample(
        "sk-key",
        &["sk|-<20:alnum>T3BlbkFJ<20:alnum>", "sk|-<32:hex>"],
        &[
            "sk|-<20:alnum>T3BlbkFJ<19:alnum>",
            "sk|-<31:hex>",
            "sk|-<33:hex>",
            "ta|sk-<32:hex>",
            "di|sk-<48:alnum>",
        ],
    ),
    sample(
        "xai-key",
        &["xa|i-<80:alnum>"],
        &["xa|i-<79:alnum>", "xa|i_<80:alnum>"],
    ),
    sample(
        "groq-key",
        &["gs|k_<52:alnum>"],
        &["gs|k_<51:alnum>", "gs|k-<52:alnum>"],
    ),
    sample(
        "perplexity-key",
        &["pp|lx-<48:alnum>"],
        &["pp|lx-<47:alnum>", "pp|lx_<48:alnum>"],
    ),
    sample(
        "replicate-token",
        &["r|8_<37:alnum>"],
        &["r|8_<36:alnum>", "r|9_<37:alnum>"],
    ),
    sample(
        "stripe-key",
        &[
            "sk|_live_<24:alnum>",
            "rk|_live_<24:alnum>",
            "sk|_live_<99:alnum>",
        ],
        &[
            "sk|_live_<23:alnum>",
            "sk|_test_<24:alnum>",
            "pk|_live_<24:alnum>",
        ],
    ),
    sample(
        "webhook-secret",
        &["wh|sec_<32:alnum>", "wh|sec_<43:base64>="],
        &["wh|sec_<31:alnum>", "wh|sek_<32:alnum>"],
    ),
    sample(
        "square-secret",
        &["sq0|csp-<42:url64>k"],
        &["sq0|csp-<41:alnum>k", "sq0|idp-<22:alnum>"],
    ),
    sample(
        "shopify-token",
        &[
            "shp|at_<32:hex>",
            "shp|ss_<32:hex>",
            "shp|ca_<32:hex>",
            "shp|pa_<32:hex>",
        ],
        &["shp|at_<31:hex>", "shp|xx_<32:hex>"],
    ),
    sample(
        "twilio-key",
        &["S|K<32:hex>"],
        &["S|K<31:hex>", "S|K<33:hex>", "S|K<32:HEX>g", "S|J<32:hex>"],
    ),
    sample(
        "sendgrid-key",
        &["S|G.<21:url64>k.<42:url64>k"],
        &[
            "S|G.<20:url64>k.<42:url64>k",
            "S|G.<21:url64>k.<41:url64>k",
            "S|G-<21:alnum>k.<42:alnum>k",
        ],
    ),
    sample(
        "mailgun-key",
        &["ke|y-<32:hex>"],
        &["ke|y-<31:hex>", "mon|key-<32:hex>", "ke|y_<32:hex>"],
    ),
    sample(
        "digitalocean-token",
        &["do|p_v1_<64:hex>", "do|o_v1_<64:hex>", "do|r_v1_<64:hex>"],
        &["do|p_v1_<63:hex>", "do|p_v2_<64:hex>", "do|x_v1_<64:hex>"],
    ),
    sample(
        "heroku-token",
        &["HR|KU-AA<57:url64>k"],
        &["HR|KU-AA<50:alnum>", "HR|KU-<36:hex>"],
    ),
    sample(
        "fly-token",
        &["fm|2_<120:base64>", "fm|1r_<120:base64>", "fo|1_<43:alnum>"],
        &["fm|2_<30:alnum>", "fm|3_<120:alnum>"],
    ),
    sample(
        "netlify-token",
        &["nf|p_<36:alnum>"],
        &["nf|p_<35:alnum>", "nf|q_<36:alnum>"],
    ),
    sample(
        "slack-token",
        &[
            "xo|xb-<12:digits>-<13:digits>-<24:alnum>",
            "xo|xp-<12:digits>-<12:digits>-<12:digits>-<32:hex>",
            "xo|xe-1-<10:digits>-<60:alnum>",
        ],
        &[
            "xo|xb-your-token",
            "xo|xb-<5:digits>-<24:alnum>",
            "xo|xz-<12:digits>-<13:digits>-<24:alnum>",
        ],
    ),
    sample(
        "slack-app-token",
        &["xa|pp-1-A<10:base32>-<13:digits>-<64:hex>"],
        &[
            "xa|pp-1-A<10:base32>-<13:digits>-<63:hex>",
            "xa|pp-A-<10:base32>",
        ],
    ),
    sample(
        "slack-webhook",
        &["https://hooks|.slack.com/services/T<10:base32>/B<10:base32>/<24:alnum>"],
        &[
            "https://hooks|.slack.com/services/T00000000/B00000000/XX|XX|XX|XX|XX|XX|XX|XX|XX|XX|XX|XX",
            "https://hooks|.slack.com/services/T<10:base32>/B<10:base32>/<23:alnum>",
            "https://hooks|.slack.com/workflows/T<10:base32>/B<10:base32>/<24:alnum>",
        ],
    ),
    sample(
        "discord-webhook",
        &["https://discord|.com/api/webhooks/<19:digits>/<67:url64>k"],
        &[
            "https://discord|.com/api/webhooks/<19:digits>/token",
            "https://discord|.com/api/v10/webhooks/<19:digits>/<67:alnum>k",
        ],
    ),
    sample(
        "telegram-bot-token",
        &[
            "<10:digits>|:AA<30:url64>aZ5",
            "<9:digits>|:AA<30:url64>aZ5",
        ],
        &[
            "<6:digits>|:AA<30:alnum>aZ5",
            "<10:digits>|:AA<29:alnum>aZ5",
            "<10:digits>|:AB<30:alnum>aZ5",
        ],
    ),
    sample(
        "age-key",
        &["AGE-SECRET|-KEY-1<58:bech32>"],
        &[
            "AGE-SECRET|-KEY-1<57:bech32>",
            "AGE-SECRET|-KEY-1<57:bech32>B",
        ],
    ),
    sample(
        "vault-token",
        &["hv|s.<94:url64>k", "hv|s.<24:alnum>", "hv|b.<120:url64>k"],
        &["hv|s.<20:alnum>", "hv|x.<94:alnum>"],
    ),
    sample(
        "terraform-token",
        &["<14:alnum>|.atlasv1.<66:url64>k"],
        &[
            "<14:alnum>|.atlasv1.<40:alnum>",
            "<14:alnum>|.atlasv2.<67:alnum>",
        ],
    ),
    sample(
        "pulumi-token",
        &["pu|l-<40:hex>"],
        &["pu|l-<39:hex>", "pu|l_<40:hex>"],
    ),
    sample(
        "doppler-token",
        &["dp|.pt.<43:alnum>", "dp|.st.dev.<43:alnum>"],
        &["dp|.pt.<30:alnum>", "dp|.xx.<43:alnum>"],
    ),
    sample(
        "databricks-token",
        &["da|pi<32:hex>", "da|pi<32:hex>-2"],
        &["da|pi<31:hex>", "da|pi<33:hex>", "da|pj<32:hex>"],
    ),
    sample(
        "grafana-token",
        &["gl|sa_<32:alnum>_<8:hex>", "gl|c_eyJ<60:alnum>="],
        &["gl|sa_<32:alnum>_<7:hex>", "gl|c_<60:alnum>"],
    ),
    sample(
        "new-relic-key",
        &["NR|AK-<27:BASE36>"],
        &["NR|AK-<26:BASE36>", "NR|AL-<27:BASE36>"],
    ),
    sample(
        "sentry-token",
        &["sn|tryu_<64:hex>", "sn|trys_eyJ<80:alnum>_<43:base64>"],
        &["sn|tryu_<63:hex>", "sn|trys_<80:alnum>"],
    ),
    sample(
        "postman-key",
        &["PM|AK-<24:hex>-<34:hex>"],
        &["PM|AK-<24:hex>-<33:hex>", "PM|AK-<34:hex>"],
    ),
    sample(
        "linear-key",
        &["li|n_api_<40:alnum>"],
        &["li|n_api_<39:alnum>", "li|n_abi_<40:alnum>"],
    ),
    sample(
        "notion-token",
        &["nt|n_<11:digits><35:alnum>"],
        &["nt|n_<11:digits><34:alnum>", "nt|n_<46:letters>"],
    ),
    sample(
        "supabase-key",
        &["sb|p_<40:hex>", "sb|_secret_<30:url64>k"],
        &["sb|p_<39:hex>", "sb|_publishable_<31:alnum>"],
    ),
    sample(
        "planetscale-token",
        &["pscale|_tkn_<42:url64>k", "pscale|_pw_<42:url64>k"],
        &["pscale|_tkn_<20:alnum>", "pscale|_key_<43:alnum>"],
    ),
    sample(
        "tailscale-key",
        &[
            "tskey|-auth-<11:alnum>-<32:alnum>",
            "tskey|-api-<11:alnum>-<32:alnum>",
        ],
        &[
            "tskey|-auth-<11:alnum>",
            "tskey|-oops-<11:alnum>-<32:alnum>",
        ],
    ),
];

/// Returns the characters of an alphabet.
fn alphabet(name: &str) -> String {
    let (lower, upper, digits) = (
        "abcdefghijklmnopqrstuvwxyz",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "0123456789",
    );
    match name {
        "digits" => digits.to_owned(),
        "hex" => "0123456789abcdef".to_owned(),
        "HEX" => "0123456789ABCDEF".to_owned(),
        "lower" => lower.to_owned(),
        "letters" => format!("{lower}{upper}"),
        "alnum" => format!("{lower}{upper}{digits}"),
        "url64" => format!("{lower}{upper}{digits}-_"),
        "base64" | "aws" => format!("{lower}{upper}{digits}+/"),
        "base36" => format!("{lower}{digits}"),
        "BASE36" => format!("{upper}{digits}"),
        "base32" => format!("{upper}234567"),
        "bech32" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
        _ => panic!("no alphabet {name}"),
    }
}

/// Puts a token together. The same seed gives the same one.
pub(super) fn token_of(format: &str, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut token = String::new();
    let mut rest = format;
    while let Some((plain, after)) = rest.split_once('<') {
        let (part, after) = after.split_once('>').expect("the end of a part");
        let (count, name) = part.split_once(':').expect("a number and an alphabet");
        let letters: Vec<char> = alphabet(name).chars().collect();
        token.push_str(plain);
        let count: usize = count.parse().expect("a number");
        token.extend((0..count).map(|_| letters[random.usize(..letters.len())]));
        rest = after;
    }
    token.push_str(rest);
    token.replace('|', "")
}
