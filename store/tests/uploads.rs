//! Resumable uploads over restarts, power cuts and errors: what is published is what was sent, and little is sent twice.

use ods_store::{
    Author, Condition, NewUpload, PIECE_BYTES, PublishRequest, SimDisk, Store, StoreError, UPLOADS_PER_AUTHOR_MAX,
    UploadEnd, UploadError, UploadId, UploadRefusal, UploadTurn,
};

use crate::support::{assert_sound, at, bytes, fresh, open, put, read_all, request};

fn new_upload(request: PublishRequest, length: usize) -> NewUpload {
    NewUpload { request, bytes: length as u64, sha256: None, blake3: None, told: "path Zm9v".to_owned() }
}

fn author() -> Author {
    Author::new("finisher")
}

fn begin(store: &Store, name: &str, length: usize) -> UploadId {
    store.create_upload(&new_upload(request(name), length), at(1)).expect("an upload begins").id
}

fn take(store: &Store, id: UploadId) -> UploadTurn {
    store.take_upload(id).expect("a turn")
}

/// Sends what is missing of `content`, `step` bytes at a time.
fn send(turn: &UploadTurn, content: &[u8], step: usize) -> Result<(), StoreError> {
    let offset = usize::try_from(turn.offset()?).expect("fits");
    content[offset..].chunks(step).try_for_each(|chunk| turn.write(chunk, at(3)))
}

fn incoming(disk: &SimDisk) -> Vec<String> {
    let names = disk.file_names().into_iter().filter(|name| name.starts_with("/data/incoming"));
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// How many bytes must count after the program was killed: all full pieces but the last of all.
fn kept(sent: usize, length: usize) -> u64 {
    (sent as u64 / PIECE_BYTES).min((length as u64).saturating_sub(1) / PIECE_BYTES) * PIECE_BYTES
}

#[test]
fn an_upload_in_parts_is_published_once_and_leaves_nothing_behind() {
    let (disk, store) = fresh(1);
    let content = bytes(1, 2_500_000);
    let id = begin(&store, "a.pkg", content.len());
    let first = take(&store, id);
    first.write(&content[..700_000], at(3)).expect("written");
    let refused = first.publish(&author(), at(4)).expect_err("bytes are missing");
    assert!(matches!(refused, StoreError::Upload(UploadError::Incomplete { missing: 1_800_000, .. })), "{refused}");
    let second = take(&store, id);
    let taken = first.write(&content[..1], at(3)).expect_err("its turn is over");
    assert!(matches!(taken, StoreError::Upload(UploadError::Taken { .. })), "{taken}");
    assert_eq!(second.offset().expect("known"), 700_000);
    send(&second, &content, 333_333).expect("written");
    let published = second.publish(&author(), at(5)).expect("published");
    assert!(published.created && published.changed);
    assert_eq!(published.package.by, "finisher", "who finishes it answers for it, not who began it");
    assert_eq!(published.package.blob.as_bytes(), blake3::hash(&content).as_bytes());
    assert!(read_all(&store, "a.pkg", at(6)).expect("readable").expect("here") == content);
    let status = store.upload(id).expect("readable").expect("remembered");
    let revision = published.package.revision;
    assert_eq!(status.end, Some(UploadEnd::Published { revision, changed: true, created: true }));
    assert_eq!((status.offset, status.told.as_str()), (2_500_000, "path Zm9v"));
    assert!(matches!(store.take_upload(id), Err(StoreError::Upload(UploadError::NoSuchUpload { .. }))));
    assert_eq!(incoming(&disk), Vec::<String>::new());
    assert_sound(&store);
}

#[test]
fn more_bytes_than_announced_are_refused_and_the_rest_stands() {
    let (_, store) = fresh(2);
    let id = begin(&store, "a.pkg", 10);
    let turn = take(&store, id);
    turn.write(b"0123456", at(3)).expect("written");
    let error = turn.write(b"789X", at(3)).expect_err("too many");
    assert!(matches!(error, StoreError::Upload(UploadError::TooLong { bytes: 10, .. })), "{error}");
    assert_eq!(turn.offset().expect("known"), 7);
    turn.write(b"789", at(3)).expect("written");
    turn.publish(&author(), at(4)).expect("published");
    assert_eq!(read_all(&store, "a.pkg", at(5)).expect("readable").as_deref(), Some(&b"0123456789"[..]));
}

#[test]
fn what_fails_its_checksum_is_forgotten_also_by_a_restart() {
    let (mut disk, mut store) = fresh(3);
    let (content, wrong) = (bytes(3, 3_000_000), bytes(4, 3_000_000));
    let id = begin(&store, "a.pkg", content.len());
    let turn = take(&store, id);
    turn.write(&content[..500_000], at(3)).expect("written");
    turn.begin_checked().expect("checked");
    turn.write(&wrong[500_000..2_900_000], at(3)).expect("written");
    turn.reject().expect("forgotten");
    assert_eq!(turn.offset().expect("known"), 500_000);
    turn.begin_checked().expect("checked");
    turn.write(&wrong[500_000..2_900_000], at(3)).expect("written");
    drop((turn, store));
    disk = disk.restart();
    store = open(&disk, 3).expect("it opens");
    let turn = take(&store, id);
    assert_eq!(turn.offset().expect("known"), 0, "no piece was sure yet");
    turn.begin_checked().expect("checked");
    turn.write(&content[..2_200_000], at(3)).expect("written");
    turn.accept(at(5)).expect("it was right");
    drop((turn, store));
    disk = disk.restart();
    store = open(&disk, 3).expect("it opens");
    let turn = take(&store, id);
    assert_eq!(turn.offset().expect("known"), 2 * PIECE_BYTES);
    send(&turn, &content, 1 << 20).expect("written");
    turn.publish(&author(), at(5)).expect("published");
    assert!(read_all(&store, "a.pkg", at(6)).expect("readable").expect("here") == content);
}

#[test]
fn what_nobody_judged_is_forgotten_by_the_next_turn_and_what_follows_is_kept() {
    let (mut disk, mut store) = fresh(4);
    let length = 80 << 20;
    let (content, wrong) = (bytes(5, length), bytes(6, 5 << 20));
    let id = begin(&store, "a.pkg", content.len());
    let first = take(&store, id);
    first.begin_checked().expect("checked");
    first.write(&wrong, at(3)).expect("written");
    assert_eq!(store.upload(id).expect("readable").expect("it goes on").offset, 0, "not judged yet");
    // The first one still sends, or its line broke without a word.
    let second = take(&store, id);
    assert_eq!(second.offset().expect("known"), 0);
    assert!(first.write(b"more", at(3)).is_err() && first.accept(at(3)).is_err(), "it isn't its turn any more");
    second.write(&content[..70 << 20], at(4)).expect("written");
    drop((first, second, store));
    disk = disk.restart();
    store = open(&disk, 4).expect("it opens");
    let turn = take(&store, id);
    assert_eq!(turn.offset().expect("known"), kept(70 << 20, length));
    turn.begin_checked().expect("checked");
    turn.write(&content[usize::try_from(turn.offset().expect("known")).expect("small")..], at(5)).expect("written");
    drop(turn);
    let turn = take(&store, id);
    assert!(!turn.is_whole().expect("known"), "its last bytes were never judged");
    send(&turn, &content, 1 << 20).expect("written");
    turn.publish(&author(), at(6)).expect("published");
    assert!(read_all(&store, "a.pkg", at(7)).expect("readable").expect("here") == content);
}

#[test]
fn refusals_for_good_end_an_upload_and_are_remembered() {
    let (disk, store) = fresh(5);
    let condition = PublishRequest { condition: Condition::IsNew, ..request("a.pkg") };
    let id = store.create_upload(&new_upload(condition.clone(), 3), at(1)).expect("nothing is there yet").id;
    put(&store, "a.pkg", b"other", at(2)).expect("a publish");
    assert!(store.create_upload(&new_upload(condition, 3), at(1)).is_err(), "refused before any byte");
    let turn = take(&store, id);
    turn.write(b"new", at(3)).expect("written");
    assert!(matches!(turn.publish(&author(), at(4)), Err(StoreError::PreconditionFailed { .. })));
    let end = store.upload(id).expect("readable").expect("remembered").end;
    assert!(matches!(end, Some(UploadEnd::Refused { refusal: UploadRefusal::PreconditionFailed, .. })), "{end:?}");
    let lie = NewUpload { blake3: Some(ods_store::Digest::of(b"else")), ..new_upload(request("b.pkg"), 3) };
    let id = store.create_upload(&lie, at(1)).expect("an upload begins").id;
    let turn = take(&store, id);
    turn.write(b"new", at(3)).expect("written");
    assert!(matches!(
        turn.publish(&author(), at(4)),
        Err(StoreError::Upload(UploadError::DigestMismatch { algorithm: "blake3", .. }))
    ));
    assert_eq!(read_all(&store, "a.pkg", at(5)).expect("readable").as_deref(), Some(&b"other"[..]));
    assert_eq!(incoming(&disk), Vec::<String>::new());
}

#[test]
fn abandoned_uploads_go_by_age_and_others_stay() {
    let (disk, store) = fresh(6);
    let (old, young) = (begin(&store, "old.pkg", 10), begin(&store, "young.pkg", 10));
    store.take_upload(young).expect("a turn").write(b"0123", at(1000)).expect("written");
    assert_eq!(store.reap_uploads(500_000, 500_000, at(1100)).expect("reaped"), 1);
    assert!(store.upload(old).expect("readable").is_none());
    assert_eq!(store.uploads(None, 10).expect("listed").len(), 1);
    let turn = store.take_upload(young).expect("a turn");
    turn.write(b"456789", at(1100)).expect("written");
    turn.publish(&author(), at(1100)).expect("published");
    assert!(store.remove_upload(begin(&store, "x.pkg", 5), &Author::new("test"), at(9)).expect("removed"));
    store.reap_uploads(500_000, 500_000, at(1700)).expect("reaped");
    assert!(store.upload(young).expect("readable").is_none(), "what ended is forgotten by age as well");
    assert_eq!(incoming(&disk), Vec::<String>::new());
}

#[test]
fn an_upload_to_which_bytes_come_goes_on_however_short_others_are_kept() {
    let (_, store) = fresh(18);
    let id = begin(&store, "slow.pkg", 100);
    let (turn, second) = (take(&store, id), |number: u64| at(1).plus_ms(number * 1000));
    for number in 1..=50 {
        turn.write(b"x", second(number)).expect("written");
        assert_eq!(store.upload(id).expect("readable").expect("it goes on").touched_at, second(number));
        assert_eq!(store.reap_uploads(5000, 5000, second(number + 4)).expect("reaped"), 0, "second {number}");
    }
    drop(turn);
    assert_eq!(store.reap_uploads(5000, 5000, second(54)).expect("reaped"), 0);
    assert_eq!(store.reap_uploads(5000, 5000, second(55)).expect("reaped"), 1);
}

/// Bytes are written a block at a time: over a slow line a request may send for long before there is one.
#[test]
fn an_upload_is_not_abandoned_while_a_request_sends_to_it() {
    let (_, store) = fresh(19);
    let (id, day) = (begin(&store, "trickle.pkg", 100), 24 * 60 * 60_000);
    let (first, later) = (take(&store, id), at(1).plus_ms(2 * day));
    assert_eq!(store.reap_uploads(day, day, later).expect("reaped"), 0);
    let second = take(&store, id);
    drop(first);
    assert_eq!(store.reap_uploads(day, day, later).expect("reaped"), 0, "the one that took over sends still");
    drop(second);
    assert_eq!(store.reap_uploads(day, day, later).expect("reaped"), 1);
}

#[test]
fn an_upload_without_a_byte_goes_after_a_quarter_of_an_hour_and_only_bytes_renew_it() {
    let later = |minutes: u64| at(1).plus_ms(minutes * 60_000);
    let day = 24 * 60 * 60_000;
    let (disk, store) = fresh(17);
    let content = bytes(17, 3 << 20);
    let ids = ["empty", "asked", "refused", "begun", "killed"].map(|name| begin(&store, name, content.len()));
    let [_, asked, refused, begun, killed] = ids;
    take(&store, asked).write(b"", later(10)).expect("nothing is written");
    assert_eq!(take(&store, asked).offset().expect("known"), 0);
    let turn = take(&store, refused);
    turn.begin_checked().expect("checked");
    turn.write(b"wrong", later(10)).expect("written");
    turn.reject().expect("forgotten");
    drop(turn);
    take(&store, begun).write(b"x", later(1)).expect("written");
    assert_eq!(store.upload(begun).expect("readable").expect("it goes on").touched_at, later(1));
    let turn = take(&store, killed);
    turn.begin_checked().expect("checked");
    turn.write(&content[..2 << 20], at(1)).expect("written");
    turn.accept(at(1)).expect("it was right");
    let has_bytes = |store: &Store| ids.map(|id| store.upload(id).expect("readable").expect("it goes on").has_bytes);
    assert_eq!(has_bytes(&store), [false, false, false, true, true]);
    assert_eq!(store.reap_uploads(day, day, later(14)).expect("reaped"), 0);
    assert_eq!(store.reap_uploads(day, day, later(15)).expect("reaped"), 3);
    let left: Vec<UploadId> = store.uploads(None, 10).expect("listed").into_iter().map(|upload| upload.id).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&begun) && left.contains(&killed));
    let store = {
        drop((turn, store));
        open(&disk, 17).expect("it opens again")
    };
    assert_eq!(
        store.reap_uploads(day, day, later(24 * 60).plus_ms(1)).expect("reaped"),
        1,
        "a day after its bytes came"
    );
    assert_eq!(store.reap_uploads(day, day, later(24 * 60 + 1)).expect("reaped"), 1);
    assert_eq!(incoming(&disk), Vec::<String>::new());
}

#[test]
fn uploads_without_a_byte_hold_half_of_what_is_free_at_most() {
    let (disk, store) = fresh(18);
    disk.set_capacity(Some(400 << 20));
    let free = || store.overview().expect("readable").free_bytes;
    let before = free();
    let ids: Vec<UploadId> = (0..20).map(|number| begin(&store, &format!("u{number}"), 60 << 20)).collect();
    assert!(free() > before / 2, "{} of {before} bytes are left", free());
    put(&store, "other.pkg", &bytes(1, 5 << 20), at(2)).expect("others have room");
    // Room is taken with the first byte then, as long as there is any.
    let turns: Vec<UploadTurn> = ids.iter().map(|id| take(&store, *id)).collect();
    let written: Vec<_> = turns.iter().map(|turn| turn.write(b"x", at(3))).collect();
    let refused = written.iter().filter(|outcome| matches!(outcome, Err(StoreError::NoSpace { .. }))).count();
    let taken = written.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(taken >= 4 && refused == 20 - taken, "{taken} taken, {refused} refused");
    put(&store, "another.pkg", b"small", at(4)).expect("the database has room");
    for id in &ids {
        store.remove_upload(*id, &Author::new("test"), at(9)).expect("removed");
    }
    assert!(free() > before - (20 << 20), "{} of {before} bytes are left", free());
    assert_sound(&store);
}

#[test]
fn a_full_disk_is_said_before_the_first_byte() {
    let (disk, store) = fresh(7);
    disk.set_capacity(Some(40 << 20));
    let error = store.create_upload(&new_upload(request("a.pkg"), 30 << 20), at(1)).expect_err("no room");
    assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
    assert_eq!(incoming(&disk), Vec::<String>::new());
}

#[test]
fn nobody_takes_all_places_from_the_others() {
    let (disk, store) = fresh(8);
    let by = |name: &str, number: usize| {
        let request = PublishRequest { author: Author::new(name), ..request(&format!("{number}.pkg")) };
        store.create_upload(&new_upload(request, 1), at(1))
    };
    let ids: Vec<_> = (0..UPLOADS_PER_AUTHOR_MAX).map(|number| by("token ci", number).expect("a place").id).collect();
    let refused = by("token ci", 1000).expect_err("it has its share");
    assert!(matches!(refused, StoreError::TooMany { max: UPLOADS_PER_AUTHOR_MAX, .. }), "{refused}");
    assert_eq!(incoming(&disk).len(), 2 * UPLOADS_PER_AUTHOR_MAX, "what was refused left nothing behind");
    by("user ada", 1001).expect("places are left for others");
    store.remove_upload(ids[7], &Author::new("test"), at(9)).expect("removed");
    by("token ci", 1002).expect("it has a place again");
    by("token ci", 1003).expect_err("but one only");
}

/// One upload that is struck again and again, by a power cut or by the end of the program, until it is published.
fn struck(seed: u64) {
    let mut random = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut below = |limit: usize| {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).expect("32 bits fit") % limit.max(1)
    };
    let (mut disk, mut store) = fresh(seed);
    let length = [0, 1 << 20, (1 << 20) + 1, 2 << 20, below(4 << 20), below(5 << 20)][below(6)];
    let content = bytes(seed, length);
    let id = begin(&store, "a.pkg", length);
    for round in 0..16 {
        if round < 12 {
            let most = [6, 14, 24, 70][below(4)];
            disk.fail_after(below(most) as u64);
        }
        let mut sent = 0;
        let outcome = store.take_upload(id).and_then(|turn| {
            sent = usize::try_from(turn.offset()?).expect("fits");
            while sent < length {
                let step = (1 + below(700_000)).min(length - sent);
                turn.write(&content[sent..sent + step], at(3))?;
                sent += step;
            }
            turn.publish(&author(), at(4)).map(drop)
        });
        if outcome.is_ok() {
            break;
        }
        drop(store);
        let killed = below(2) == 0;
        disk = if killed { disk.restart() } else { disk.crash(below(usize::MAX) as u64) };
        store = open(&disk, seed + round).expect("it opens after a crash");
        let Some(status) = store.upload(id).expect("readable") else { panic!("seed {seed}: the upload is forgotten") };
        if status.end.is_some() {
            break;
        }
        let offset = take(&store, id).offset().expect("it is taken up");
        let sure = if killed { kept(sent, length) } else { 0 };
        assert!(offset >= sure, "seed {seed}: {offset} of {sent} sent are left, and {sure} are sure");
    }
    assert!(read_all(&store, "a.pkg", at(6)).expect("readable").expect("published") == content, "seed {seed}");
    drop(store);
    disk = disk.crash(seed);
    store = open(&disk, seed).expect("it opens");
    assert!(read_all(&store, "a.pkg", at(6)).expect("readable").expect("published") == content, "seed {seed}");
    assert_eq!(incoming(&disk), Vec::<String>::new(), "seed {seed}");
    assert_sound(&store);
}

#[test]
fn uploads_survive_power_cuts_and_kills_at_any_operation() {
    for seed in 0..60 {
        struck(seed);
    }
}
