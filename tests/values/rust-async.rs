// Async functions: which `.await` they stand at, and what that awaits.
//
// The second poll crashes in the leaf, so that every future above it was
// suspended once.
//
// expect: signal SIGABRT
// expect: value block_on.future contains "rust_async::outer {count: 3"
// expect: value block_on.future contains "last suspended at rust-async.rs:61 -> "
// expect: value block_on.future contains "-> rust_async::middle {text: "dyn", first: 2} last suspended at rust-async.rs:53 -> rust_async::leaf {n: 7} last suspended at rust-async.rs:46 -> rust_async::Leaf {n: 7, is_new: false}"
// expect: value block_on.fresh=rust_async::middle {text: "fresh"} not suspended yet
// expect: value block_on.block contains "async block of rust_async::block_on {kept: 5} last suspended at rust-async.rs:83 "
// expect: value block_on.block contains "-> rust_async::leaf {n: 2} last suspended at rust-async.rs:46 -> rust_async::Leaf {n: 2, is_new: false}"
// expect: value block_on.done=rust_async::leaf returned
// expect: value block_on.boxed contains "rust_async::middle {text: "boxed"} last suspended at rust-async.rs:52 -> rust_async::leaf {n: 1} last suspended at rust-async.rs:46"
// expect: [O0] value middle::{{closure}}.first=2
// expect: [O0] value middle::{{closure}}.text="dyn"
// expect: [O0] value leaf::{{closure}}.n=7
// expect: [O0] value leaf::{{closure}}.__awaitee={n: 7, is_new: false}
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

struct Leaf {
    n: u32,
    is_new: bool,
}

impl Future for Leaf {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<u32> {
        if black_box(self.is_new) {
            self.is_new = false;
            return Poll::Pending;
        }
        if black_box(self.n) == 7 {
            std::process::abort();
        }
        Poll::Ready(self.n)
    }
}

async fn leaf(n: u32) -> u32 {
    Leaf { n, is_new: true }
        .await
        + 1
}

async fn middle(text: String) -> u32 {
    let first =
        leaf(1).await;
    let second = leaf(7).await;
    first + second + text.len() as u32
}

async fn outer(service: &dyn Service) -> u32 {
    let count = black_box(3u8);
    let sum = service
        .call("dyn")
        .await;
    sum + u32::from(count)
}

trait Service {
    fn call(&self, text: &str) -> Pin<Box<dyn Future<Output = u32>>>;
}

struct Remote;

impl Service for Remote {
    fn call(&self, text: &str) -> Pin<Box<dyn Future<Output = u32>>> {
        Box::pin(middle(text.to_owned()))
    }
}

#[inline(never)]
fn block_on(mut future: Pin<Box<dyn Future<Output = u32> + '_>>) -> u32 {
    let mut context = Context::from_waker(Waker::noop());
    let fresh = middle("fresh".to_owned());
    let mut block = Box::pin(async {
        let kept = black_box(5);
        leaf(2).await + kept
    });
    let mut done = Box::pin(leaf(3));
    let mut boxed: Pin<Box<dyn Future<Output = u32>>> = Box::pin(middle("boxed".to_owned()));
    black_box((block.as_mut().poll(&mut context), boxed.as_mut().poll(&mut context)));
    while done.as_mut().poll(&mut context).is_pending() {
        black_box(&done);
    }
    black_box((&fresh, &block, &done, &boxed, &future));
    loop {
        if let Poll::Ready(found) = future.as_mut().poll(&mut context) {
            black_box((fresh, block, done, boxed));
            return found;
        }
    }
}

fn main() {
    black_box(block_on(Box::pin(outer(black_box(&Remote)))));
}
