//! Precedence, unknown keys, bad values, and that what is printed parses back.

use std::path::{Path, PathBuf};

use ods_store::WatchMode;

use super::types::{Downloads, Log};
use super::*;

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            data: Some(self.data()),
            system_data: None,
            hostname: "machine".to_owned(),
            working_folder: self.folder.path().to_owned(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test writes its own input")]
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made the folder");
        std::fs::write(path, text).expect("wrote the file");
    }

    fn resolve(&self, flags: &Flags, environment: &[(&str, &str)]) -> Result<Resolution, ConfigError> {
        resolve(flags, &environment.iter().copied().collect(), &self.surroundings())
    }

    fn error(&self, flags: &Flags, environment: &[(&str, &str)]) -> String {
        match self.resolve(flags, environment) {
            Ok(resolution) => panic!("resolved to {:?}", resolution.config),
            Err(error) => error.to_string().replace(&format!("{}/", self.folder.path().display()), ""),
        }
    }

    fn config(&self, flags: &Flags, environment: &[(&str, &str)]) -> Config {
        self.resolve(flags, environment).map_or_else(|error| panic!("{error}"), |resolution| resolution.config)
    }
}

fn flags() -> Flags {
    Flags::default()
}

#[test]
fn with_nothing_given_the_defaults_hold() {
    let machine = Machine::new();
    let config = machine.config(&flags(), &[]);
    assert_eq!(config.data, machine.data());
    assert_eq!(config.name, "machine");
    assert_eq!(
        config.listeners,
        [Listener {
            address: "[::]:8637".parse().expect("an address"),
            tls: Tls::None,
            surfaces: vec![Surface::Downloads, Surface::Admin, Surface::Peers],
        }]
    );
    assert_eq!(config.downloads, Downloads { roots: vec!["Packages".to_owned()], access: Access::Open });
    assert_eq!(config.log, Log { format: LogFormat::Human, filter: "info".to_owned() });
    assert!(config.urls.is_empty() && config.watches.is_empty() && config.trusted_proxies.is_empty());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let machine = Machine::new();
    machine.write("data/ods.toml", "name = \"file\"\nlog.filter = \"warn\"\nlog.format = \"json\"\n");
    let environment = [("ODS_NAME", "environment"), ("ODS_LOG_FILTER", "debug")];
    let typed = Flags { name: Some("flag".to_owned()), ..flags() };
    let resolution = machine.resolve(&typed, &environment).expect("a configuration");
    assert_eq!(resolution.config.name, "flag");
    assert_eq!(resolution.config.log, Log { format: LogFormat::Json, filter: "debug".to_owned() });
    let path = machine.data().join("ods.toml");
    assert_eq!(resolution.source("name"), Some(&Source::Flag("--name")));
    assert_eq!(resolution.source("log.filter"), Some(&Source::Variable("ODS_LOG_FILTER".to_owned())));
    assert_eq!(resolution.source("log.format"), Some(&Source::File { path, line: 3 }));
    assert_eq!(resolution.source("data"), Some(&Source::Default));
}

#[test]
fn the_file_is_the_named_one_or_the_one_in_the_data_folder() {
    let machine = Machine::new();
    machine.write("elsewhere/ods.toml", "name = \"in data\"");
    machine.write("site.toml", "name = \"named\"\ndata = \"kept\"");
    let data = Flags { data: Some("elsewhere".into()), ..flags() };
    assert_eq!(machine.config(&data, &[]).name, "in data");
    assert_eq!(machine.config(&flags(), &[("ODS_DATA", "elsewhere")]).name, "in data");
    let named = Flags { config: Some("site.toml".into()), ..flags() };
    assert_eq!(machine.config(&named, &[]).name, "named");
    assert_eq!(machine.config(&named, &[]).data, machine.folder.path().join("kept"));
    assert_eq!(machine.config(&data, &[("ODS_CONFIG", "site.toml")]).name, "named");
    let missing = Flags { config: Some("none.toml".into()), ..flags() };
    assert_eq!(machine.error(&missing, &[]), "cannot read the configuration file none.toml");
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_known_name() {
    let cases = [
        ("\nnmae = \"x\"", "data/ods.toml:2: unknown key `nmae`; did you mean `name`?"),
        (
            "[limits]\nconections_max = 3",
            "data/ods.toml:2: unknown key `limits.conections_max`; did you mean `limits.connections_max`?",
        ),
        ("[limit]\nconnections_max = 3", "data/ods.toml:1: unknown key `limit`; did you mean `limits`?"),
        (
            "[[listeners]]\naddress = \"[::]:1\"\ntls = { certficate = \"a\", key = \"b\" }",
            "data/ods.toml:3: unknown key `listeners.tls.certficate`; did you mean `listeners.tls.certificate`?",
        ),
        ("[[watch]]\nfolder = \"x\"", "data/ods.toml:2: unknown key `watch.folder`; did you mean `watches.folder`?"),
        ("zzz = 1", "data/ods.toml:1: unknown key `zzz`; `ods config` lists the known ones"),
    ];
    for (text, expected) in cases {
        let machine = Machine::new();
        machine.write("data/ods.toml", text);
        assert_eq!(machine.error(&flags(), &[]), expected);
    }
}

#[test]
fn a_misspelt_variable_is_an_error_and_a_foreign_one_is_not() {
    let machine = Machine::new();
    let error = machine.error(&flags(), &[("ODS_LOG_FLITER", "debug")]);
    assert_eq!(error, "unknown variable ODS_LOG_FLITER in the environment; did you mean ODS_LOG_FILTER?");
    machine.config(&flags(), &[("ODS_PORT", "tcp://10.0.0.1:80"), ("ODS_SERVICE_HOST", "x"), ("ODS_TOKEN", "t")]);
}

#[test]
fn bad_values_say_where_they_are_and_what_would_be_right() {
    let cases = [
        ("name = 3", "data/ods.toml:1: name: invalid type: integer `3`, expected a string"),
        ("name = \"\"", "data/ods.toml:1: name: a name must have 1 to 128 bytes"),
        (
            "name = \"hq\\u202E\"",
            "data/ods.toml:1: name: a name has a character that can't be seen or turns the text around (U+202E), so that it \
             looks like another name; leave it out",
        ),
        (
            &format!("name = \"{}\"", "\u{1F4E6}".repeat(64)),
            "data/ods.toml:1: name: a name must have at most 128 bytes",
        ),
        (
            "[limits]\nheader_timeout_s = 0",
            "data/ods.toml:2: limits.header_timeout_s: 0 is out of bounds; use a number from 1 to 3600",
        ),
        (
            "[mesh]\nup_bytes_per_s = 9999",
            "data/ods.toml:2: mesh.up_bytes_per_s: 9999 is too slow; use at least 10000 bytes a second, or 0 for no limit",
        ),
        (
            "urls = [\"ftp://x\"]",
            "data/ods.toml:1: urls: \"ftp://x\" is no base URL; write one such as \"https://packages.example.org\"",
        ),
        (
            "urls = [\"http:///x\"]",
            "data/ods.toml:1: urls: \"http:///x\" is no base URL; write one such as \"https://packages.example.org\"",
        ),
        (
            "urls = [\"https://x:0\"]",
            "data/ods.toml:1: urls: \"https://x:0\" is no base URL; write one such as \"https://packages.example.org\"",
        ),
        (
            "[[watches]]\nfolder = \"drop\"\ntags = [\"prod\u{200B}\"]",
            "data/ods.toml:1: watches: a tag has a character that can't be seen or turns the text around (U+200B), so that it looks like another name; leave it out",
        ),
        (
            "trusted_proxies = [\"x\"]",
            "data/ods.toml:1: trusted_proxies: \"x\" is no address or network; write one such as \"10.0.0.0/8\"",
        ),
        (
            "[[listeners]]\naddress = \"x:y\"",
            "data/ods.toml:1: listeners: \"x:y\" is no address to listen on; write HOST:PORT, such as [::]:8637 or 127.0.0.1:8637",
        ),
        (
            "[[listeners]]\ntls = \"yes\"",
            "data/ods.toml:1: listeners: \"yes\" is no way to encrypt; use \"none\", \"self-signed\" or { certificate = \"…\", key = \"…\" }",
        ),
        (
            "[downloads]\nroots = [\"api\"]",
            "data/ods.toml:2: downloads.roots: \"api\" can't be used; a root is one segment, and none of [\"api\", \"blobs\", \"healthz\", \"metrics\", \"peer\", \"readyz\"]",
        ),
        ("name = [", "data/ods.toml:1: unclosed array, expected `]`"),
    ];
    for (text, expected) in cases {
        let machine = Machine::new();
        machine.write("data/ods.toml", text);
        assert_eq!(machine.error(&flags(), &[]), expected);
    }
    let machine = Machine::new();
    assert_eq!(
        machine.error(&flags(), &[("ODS_LIMITS_CONNECTIONS_MAX", "many")]),
        "environment ODS_LIMITS_CONNECTIONS_MAX: limits.connections_max: \"many\" is no whole number"
    );
    let typed = Flags { listen: vec!["nowhere:x".to_owned()], ..flags() };
    assert!(machine.error(&typed, &[]).starts_with("flag --listen: listeners: \"nowhere:x\" is no address"));
}

#[test]
fn lists_in_variables_are_separated_by_commas_or_written_as_toml() {
    let machine = Machine::new();
    let listeners = |text: &str| machine.config(&flags(), &[("ODS_LISTENERS", text)]).listeners;
    assert_eq!(listeners("127.0.0.1:1, [::1]:2").len(), 2);
    assert_eq!(listeners("[::]:1")[0].address.port(), 1);
    assert_eq!(listeners("[{ address = '[::]:1', tls = 'self-signed' }]")[0].tls, Tls::SelfSigned);
    assert_eq!(machine.config(&flags(), &[("ODS_URLS", "http://a,https://b/x/")]).urls, ["http://a", "https://b/x"]);
    assert_eq!(
        machine.error(&flags(), &[("ODS_WATCHES", "[{ foldr = 'x' }]")]),
        "environment ODS_WATCHES: unknown key `watches.foldr`; did you mean `watches.folder`?"
    );
}

#[test]
fn relative_folders_start_at_the_file_or_at_the_working_folder() {
    let machine = Machine::new();
    machine.write("etc/site.toml", "[[watches]]\nfolder = \"drop\"\nprefix = \"/apps/\"\n");
    let named = Flags { config: Some("etc/site.toml".into()), ..flags() };
    let watches = machine.config(&named, &[]).watches;
    assert_eq!(watches[0].folder, machine.folder.path().join("etc/drop"));
    assert_eq!(watches[0].prefix, "apps");
    let typed = Flags { watch: vec!["drop".into()], ..named };
    let watch = Watch {
        folder: machine.folder.path().join("drop"),
        mode: WatchMode::Keep,
        prefix: String::new(),
        tags: Vec::new(),
        settle_s: 10,
        rescan_s: 60,
    };
    assert_eq!(machine.config(&typed, &[]).watches, [watch]);
}

#[test]
fn a_prefix_below_which_nothing_can_be_published_is_refused() {
    let machine = Machine::new();
    for prefix in ["apps\u{200b}", "a\u{202e}b", "../x", "a//b"] {
        let watches = format!("[{{ folder = 'drop', prefix = \"{prefix}\" }}]");
        let error = machine.error(&flags(), &[("ODS_WATCHES", &watches)]);
        assert!(error.contains("prefix"), "{error}");
        assert!(!error.contains(['\u{200b}', '\u{202e}']), "shown as what it is: {error:?}");
    }
}

#[test]
fn a_folder_inside_a_watched_one_is_refused() {
    let machine = Machine::new();
    let typed = Flags { watch: vec!["/srv/drop".into(), "/srv/drop/inner".into()], ..flags() };
    let error = machine.error(&typed, &[]);
    assert!(error.contains("/srv/drop/inner is in /srv/drop, which is watched too"), "{error}");
}

#[test]
fn what_is_printed_parses_back_to_the_same_configuration() {
    let full = r#"
        name = "site \"one\" ü"
        urls = ["https://a.example:8443/base"]
        trusted_proxies = ["10.1.2.3/8", "::1"]
        downloads = { roots = ["Packages", "CasperShare"], access = "basic" }
        limits.cache_bytes = 2000000
        log.format = "json"
        watch.roots = ["/srv"]
        [[listeners]]
        address = "*:443"
        tls = { certificate = "tls/a.pem", key = "/tls/a.key" }
        surfaces = ["peers", "downloads"]
        [[listeners]]
        tls = "self-signed"
        [[watches]]
        folder = "/srv/drop"
        mode = "consume"
        tags = ["a", "b"]
        settle_s = 3
    "#;
    for text in ["", full] {
        let machine = Machine::new();
        machine.write("data/ods.toml", text);
        let first = machine.resolve(&flags(), &[]).unwrap_or_else(|error| panic!("{error}"));
        machine.write("printed/ods.toml", &first.to_toml());
        let printed = Flags { config: Some("printed/ods.toml".into()), ..flags() };
        let second = machine.resolve(&printed, &[]).unwrap_or_else(|error| panic!("{error}\n{}", first.to_toml()));
        assert_eq!(second.config, first.config, "{}", first.to_toml());
    }
}

#[test]
fn every_setting_is_printed_with_its_source() {
    let machine = Machine::new();
    let printed = machine.resolve(&Flags { name: Some("n".to_owned()), ..flags() }, &[]).expect("resolved").to_toml();
    let stays = "# A name that is chosen while it runs stays until another one is given here.";
    assert!(
        printed.contains(&format!("# What people call this node.\n{stays}\n# (from flag --name)\nname = \"n\"\n")),
        "{printed}"
    );
    for setting in settings::SETTINGS {
        assert!(printed.contains(setting.meaning.lines().next().expect("a meaning")), "{}", setting.key);
        assert!(setting.key == "name" || printed.contains(&setting.variable()), "{}", setting.key);
    }
}

#[test]
fn the_data_folder_is_found_without_the_rest() {
    let machine = Machine::new();
    machine.write("data/ods.toml", "data = \"/moved\"\nname = 3");
    let found = data_folder(&flags(), &Environment::default(), &machine.surroundings()).expect("a folder");
    assert_eq!(found, Path::new("/moved"));
    let nowhere = Surroundings { data: None, ..machine.surroundings() };
    let error = data_folder(&flags(), &Environment::default(), &nowhere).expect_err("no folder");
    assert!(error.to_string().contains("name one with --data or ODS_DATA"));
}

#[test]
fn retention_is_read_and_rules_take_over_what_they_leave_out() {
    use ods_store::{Keep, RetentionRule};
    let day = 86_400_000;
    let machine = Machine::new();
    let space = machine.config(&flags(), &[]).space;
    assert_eq!((space.keep, space.rules.len()), (Keep { revisions: 5, age_ms: 30 * day, removed_ms: 7 * day }, 0));
    assert_eq!((space.grace.as_secs(), space.every.as_secs()), (86_400, 21_600));
    machine.write(
        "data/ods.toml",
        "[retention]\nkeep_revisions = 3\nkeep_age = \"0\"\n[gc]\ngrace = \"2h\"\n[[retention.rule]]\npaths = [\"*.pkg\"]\n\
         keep_age = \"7d\"\nkeep_removed = \"1d\"\n",
    );
    let resolution = machine.resolve(&flags(), &[("ODS_GC_EVERY", "1h30m")]).expect("a configuration");
    let space = &resolution.config.space;
    let keep = Keep { revisions: 3, age_ms: 7 * day, removed_ms: day };
    let rule = RetentionRule { paths: vec!["*.pkg".to_owned()], keep };
    assert_eq!((space.keep, &space.rules), (Keep { revisions: 3, age_ms: 0, removed_ms: 7 * day }, &vec![rule]));
    assert_eq!((space.grace.as_secs(), space.every.as_secs()), (7200, 5400));
    machine.write("data/ods.toml", &resolution.to_toml());
    assert_eq!(machine.config(&flags(), &[]), resolution.config, "what is printed parses back");
}

#[test]
fn retention_that_cannot_be_meant_is_refused() {
    for (text, expected) in [
        ("retention.keep_age = \"soon\"", "no length of time"),
        ("retention.keep_revisions = 10001", "out of bounds"),
        ("gc.every = \"0\"", "at least a second"),
        ("[[retention.rule]]\npaths = [\"[\"]", "a glob that can't be read"),
        ("[[retention.rule]]\npaths = []", "must have 1 to 64 paths"),
        ("[[retention.rules]]\npaths = [\"*\"]", "did you mean `retention.rule`"),
    ] {
        let machine = Machine::new();
        machine.write("data/ods.toml", text);
        let error = machine.error(&flags(), &[]);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_policy_is_read_and_what_cannot_be_meant_is_refused() {
    use ods_store::StatePolicy;
    let machine = Machine::new();
    assert_eq!(machine.config(&flags(), &[]).policy, None, "that is left to `ods policy`");
    machine.write("data/ods.toml", "[policy]\nmode = \"selected\"\npaths = [\"mac/*\"]\n");
    let resolution = machine.resolve(&flags(), &[("ODS_POLICY_TAGS", "prod,beta")]).expect("a configuration");
    let tags = vec!["prod".to_owned(), "beta".to_owned()];
    let selected = StatePolicy::Selected { paths: vec!["mac/*".to_owned()], tags };
    assert_eq!(resolution.config.policy, Some(selected));
    machine.write("data/ods.toml", &resolution.to_toml());
    assert_eq!(machine.config(&flags(), &[]), resolution.config, "what is printed parses back");
    machine.write("data/ods.toml", "[policy]\nmode = \"on-demand\"\nbytes_max = 5_000_000\n");
    assert_eq!(machine.config(&flags(), &[]).policy, Some(StatePolicy::OnDemand { bytes_max: 5_000_000 }));
    for (text, expected) in [
        ("mode = \"some\"", "unknown variant"),
        ("mode = \"selected\"", "selects nothing"),
        ("mode = \"selected\"\npaths = [\"[\"]", "a glob that can't be read"),
        ("mode = \"on-demand\"", "needs it"),
        ("mode = \"all\"\ntags = [\"x\"]", "go with"),
        ("tags = [\"x\"]", "go with"),
        ("modes = \"all\"", "did you mean"),
    ] {
        machine.write("data/ods.toml", &format!("[policy]\n{text}\n"));
        let error = machine.error(&flags(), &[]);
        assert!(error.contains(expected), "{text}: {error}");
    }
}
