//! Another configuration for a gateway that is a process of its own: signals, files, and what is left behind.

use std::os::unix::fs::symlink;
use std::path::Path;

use points_gateway::sandbox::Fault;
use serde_json::json;

use crate::load::Load;
use crate::process::Gateway;

const IN_FORCE: &str = "the configuration was read again and is in force";
const REFUSED: &str = "the configuration is refused, and the one before it stays in force";

/// Threads and open descriptors of a process.
fn size_of(process: u32) -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{process}/{what}")).unwrap().count();
    (count("task"), count("fd"))
}

/// A folder as the kubelet keeps one: names lead through `..data` to a folder that is swapped as a whole.
fn publish(volume: &Path, version: &str, secret: &str) {
    let folder = format!("..{version}");
    std::fs::create_dir_all(volume.join(&folder)).unwrap();
    std::fs::write(volume.join(&folder).join("client-secret"), secret).unwrap();
    symlink(&folder, volume.join("..data_tmp")).unwrap();
    std::fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if !volume.join("client-secret").exists() {
        symlink("..data/client-secret", volume.join("client-secret")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_secret_volume_is_noticed_and_no_request_fails() {
    let mut gateway = Gateway::with_file(|folder, text| {
        publish(&folder.join("secrets"), "2026_01", "sandbox-only-client-secret-000001\n");
        let secret = "client_secret = \"sandbox-only-client-secret-000001\"";
        assert!(text.contains(secret));
        text.replace(secret, "client_secret_file = \"secrets/client-secret\"")
            + "\n[cache]\nfresh = \"1ms\"\nfresh_empty = \"1ms\"\n"
    })
    .await;
    let members = ["1002", "1003", "1004"];
    let warm = Load::on(gateway.public, &members);
    warm.goes_on(30).await;
    warm.end().await;
    let load = Load::on(gateway.public, &members);
    load.goes_on(30).await;
    let control = gateway.sandbox.control().clone();
    // Kingdee ends the old secret at once; what is warm is served until the new one is read.
    control.add_client_secret("sandbox-only-client-secret-000002");
    control.end_former_client_secrets();
    publish(&gateway.folder.path().join("secrets"), "2026_02", "sandbox-only-client-secret-000002\n");
    let told = gateway.line_that_says(IN_FORCE).await;
    assert_eq!((&told["cause"], &told["changed"]), (&json!("files"), &json!("kingdee.client_secret")));
    assert!(!told.to_string().contains("000002"), "{told}");
    load.goes_on(30).await;
    let (asked, failed) = load.end().await;
    assert_eq!(failed, 0, "of {asked}");
    let cold = reqwest::get(format!("http://{}/members/1005/points-history", gateway.public)).await.unwrap();
    assert_eq!(cold.status(), 200);
    assert_eq!(control.calls().token, 1);
}

/// The keys of the next change that is taken over; of two who notice the same one, the later finds none.
async fn change(gateway: &mut Gateway) -> String {
    loop {
        match gateway.line_that_says(IN_FORCE).await["changed"].as_str().unwrap() {
            "" => {}
            keys => return keys.to_owned(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_the_file_again_and_a_broken_file_ends_nothing() {
    let mut gateway = Gateway::with_file(|_, text| format!("{text}\n[log]\nlevel = \"info\"\n")).await;
    let file = gateway.folder.path().join("gateway.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    // The watch would notice by itself; whoever comes first takes the change over, and the other finds none.
    std::fs::write(&file, good.replace("\"info\"", "\"debug\"\naccess = false")).unwrap();
    gateway.signal("HUP");
    assert_eq!(change(&mut gateway).await, "log.level, log.access");
    let ask = async |member: &str| {
        let url = format!("http://{}/members/{member}/points-history", gateway.public);
        reqwest::get(url).await.unwrap().status().as_u16()
    };
    assert_eq!(ask("1003").await, 200);
    gateway.sandbox.control().fail_records(Some(Fault::Code(4008)));
    assert_eq!(ask("1004").await, 502);
    let debug = gateway.line_that_says("a fetch failed").await;
    assert_eq!(debug["level"], "DEBUG");
    std::fs::write(&file, "[cache]\nfresh = 3\nnonsense = true\n").unwrap();
    gateway.signal("HUP");
    let mut faults = Vec::new();
    for _ in 0..3 {
        let told = gateway.line_that_says("a fault in the configuration").await;
        faults.push(told["key"].as_str().unwrap().to_owned());
    }
    faults.sort();
    assert_eq!(faults, ["cache.fresh", "cache.nonsense", "kingdee.client_id"]);
    assert_eq!(gateway.line_that_says(REFUSED).await["faults"], 4);
    gateway.sandbox.control().fail_records(None);
    std::fs::write(&file, good).unwrap();
    assert_eq!(change(&mut gateway).await, "log.level, log.access");
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_hangups_leave_no_thread_and_no_descriptor_behind() {
    let mut gateway = Gateway::serving(&[]).await;
    let file = gateway.folder.path().join("gateway.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let mut sizes = Vec::new();
    for round in 0..200 {
        // Every tenth with another client, whose pool and certificates must go when it does.
        let text =
            format!("{good}\n[log]\naccess = {}\n[kingdee.lane]\nqueue = {}\n", round % 2 == 0, 10 + round);
        let text = if round % 10 == 0 {
            text.replace("[kingdee]", &format!("[kingdee]\nconnect_timeout = \"{}ms\"", 900 + round))
        } else {
            text
        };
        std::fs::write(&file, text).unwrap();
        gateway.signal("HUP");
        change(&mut gateway).await;
        if round % 100 == 99 {
            sizes.push(size_of(gateway.id()));
        }
    }
    let [(threads, descriptors), (threads_later, descriptors_later)] = sizes[..] else { panic!("{sizes:?}") };
    assert!(threads_later <= threads + 2 && descriptors_later <= descriptors + 4, "{sizes:?}");
}
