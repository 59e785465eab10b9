//! Every operation of the API can be had from the command line.

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;

use crate::cli::Cli;

/// Which command makes which call.
const COMMANDS: &[(&str, &str)] = &[
    ("show_document", "ods openapi"),
    ("show_docs", "ods openapi"),
    ("show_node", "ods status"),
    ("edit_node", "ods policy on-demand --bytes-max 50GB"),
    ("list_packages", "ods ls"),
    ("show_package", "ods show a.pkg"),
    ("publish_package", "ods push a.pkg"),
    ("edit_package", "ods set a.pkg --title A"),
    ("remove_package", "ods rm a.pkg"),
    ("change_packages", "ods tag a.pkg --add prod"),
    ("list_package_anchors", "ods ls --anchors"),
    ("list_revisions", "ods show a.pkg"),
    ("restore_revision", "ods restore a.pkg 00"),
    ("list_events", "ods events"),
    ("follow_events", "ods events --follow"),
    ("list_peers", "ods peer ls"),
    ("join_peer", "ods peer join line"),
    ("show_peer", "ods peer show hq"),
    ("edit_peer", "ods peer set hq --pause"),
    ("remove_peer", "ods peer rm hq"),
    ("sync_peer", "ods peer sync hq"),
    ("list_invites", "ods peer invites"),
    ("create_invite", "ods peer invite --role replica"),
    ("revoke_invite", "ods peer revoke 00"),
    ("list_tokens", "ods token ls"),
    ("create_token", "ods token create ci --scope read"),
    ("revoke_token", "ods token revoke ci"),
    ("list_users", "ods user ls"),
    ("create_user", "ods user add ada --scope read"),
    ("show_user", "ods user show ada"),
    ("edit_user", "ods user edit ada --scope read"),
    ("remove_user", "ods user rm ada"),
    ("create_set_up_link", "ods user link"),
    ("sign_in", "ods session start ada"),
    ("show_session", "ods session show"),
    ("sign_out", "ods session end"),
    ("change_password", "ods session password"),
    ("list_sessions", "ods session ls"),
    ("end_session", "ods session end 00"),
    ("list_audit", "ods audit"),
    ("show_settings", "ods settings ls"),
    ("edit_settings", "ods settings set gc.grace=2d"),
    ("show_storage", "ods storage"),
    ("list_storage_trend", "ods storage --trend"),
    ("collect_garbage", "ods gc"),
    ("show_scrub", "ods scrub"),
    ("start_scrub", "ods scrub"),
    ("stop_scrub", "ods scrub --stop"),
    ("get_snapshot", "ods backup place"),
    ("list_watches", "ods watch ls"),
    ("create_watch", "ods watch add /srv/drop"),
    ("show_watch", "ods watch show /srv/drop"),
    ("edit_watch", "ods watch set /srv/drop --off"),
    ("remove_watch", "ods watch rm /srv/drop"),
    ("scan_watch", "ods watch scan /srv/drop"),
    ("confirm_watch", "ods watch confirm /srv/drop --missing 3b6a27bc"),
    ("show_roster", "ods roster ls"),
    ("admit_node", "ods roster admit hq --role owner"),
    ("expel_node", "ods roster expel hq --yes"),
    ("list_transfers", "ods transfers"),
    ("list_recent_transfers", "ods transfers --recent"),
    ("list_mesh", "ods mesh"),
    ("list_missing", "ods mesh --missing hq"),
    ("show_replication", "ods show a.pkg"),
    ("list_uploads", "ods upload ls"),
    ("begin_upload", "ods push a.pkg"),
    ("discover_uploads", "ods api OPTIONS /uploads"),
    ("show_upload", "ods upload show 00"),
    ("tell_offset", "ods push a.pkg"),
    ("send_bytes", "ods push a.pkg"),
    ("remove_upload", "ods upload rm 00"),
    ("override_method", "ods api POST /uploads/00 --header X-HTTP-Method-Override:DELETE"),
    ("list_webhooks", "ods webhook ls"),
    ("create_webhook", "ods webhook add https://hooks.example.org/ods"),
    ("show_webhook", "ods webhook show chat"),
    ("edit_webhook", "ods webhook edit chat --name x"),
    ("remove_webhook", "ods webhook rm chat"),
    ("rotate_webhook", "ods webhook rotate chat"),
    ("test_webhook", "ods webhook test chat"),
    ("list_deliveries", "ods webhook log chat"),
    ("show_delivery", "ods webhook log chat msg_00"),
    ("redeliver", "ods webhook redeliver chat msg_00"),
    ("redeliver_since", "ods webhook redeliver chat --failed-since 1d"),
    ("skip_delivery", "ods webhook skip chat"),
];

/// What only programs ask for that know nothing of this node, or may not send every method. `ods api` makes these calls, too.
const FOR_STRANGERS: [&str; 2] = ["discover_uploads", "override_method"];

#[test]
fn every_operation_is_reached_by_a_command_that_is_there() {
    let document = ods_api::openapi_document();
    let paths = document["paths"].as_object().expect("paths");
    let ids: BTreeSet<&str> = paths
        .values()
        .flat_map(|item| item.as_object().expect("an item").values())
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let known: BTreeMap<&str, &str> = COMMANDS.iter().copied().collect();
    let missing: Vec<&&str> = ids.iter().filter(|id| !known.contains_key(**id)).collect();
    assert!(missing.is_empty(), "give these a command and a row of this table: {missing:?}");
    for (id, command) in COMMANDS {
        assert!(ids.contains(id), "there is no operation {id} any more");
        let has_its_own = !command.starts_with("ods api");
        assert_eq!(has_its_own, !FOR_STRANGERS.contains(id), "{id} and a command of its own");
        let words: Vec<&str> = command.split(' ').collect();
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{id}: {command}: {error}"));
    }
}
