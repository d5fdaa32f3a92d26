//! Files of a case on their way to the browser.

use http::{Method, StatusCode};

use crate::town::{Town, file_content, file_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_handed_out_whole_in_parts_and_to_nobody_else() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let (erika, oskar) = (town.signed_in("erika").await, town.signed_in("oskar").await);
    let path = format!("/vorgang/{case}/anhang/{}", file_id());

    let whole = erika.get(&path).await;
    assert_eq!((whole.status, whole.body[..] == file_content()[..]), (StatusCode::OK, true));
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert!(
        whole
            .header("content-disposition")
            .starts_with("attachment; filename=\"_bersicht _neu_.pdf\"; filename*=UTF-8''%C3%9C")
    );
    assert!(whole.header("content-security-policy").ends_with("sandbox"));

    let view = erika.get(&format!("{path}?ansehen")).await;
    assert_eq!(view.header("content-type"), "application/pdf");
    assert!(view.header("content-disposition").starts_with("inline; "));

    for (range, first, last) in [("bytes=100000-150003", 100_000, 150_003), ("bytes=-7", 240_002, 240_008)] {
        let part = erika.send(Method::GET, &path, &[("range", range)], "").await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/240009"));
        assert_eq!(part.body[..], file_content()[first..=last], "{range}");
    }
    let beyond = erika.send(Method::GET, &path, &[("range", "bytes=240009-")], "").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */240009"));

    assert_eq!(oskar.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(town.browser().get(&path).await.status, StatusCode::SEE_OTHER);
    town.closes().await;
}
