// Plays chunks of a clip one after another while more of them are made.
// value: {"run": word, "chunks": [path, ...], "done": bool} as JSON; an empty value clears the view.
let run = null;
let taken = 0;
let player = null;

function address(path) {
  const config = window.gradio_config || {};
  return (config.root || "") + (config.api_prefix || "/gradio_api") + "/file=" + path;
}

// Appends chunks to one seamless stream, where the browser can do that.
class Seamless {
  constructor(video, Source) {
    this.video = video;
    this.waiting = [];
    this.done = false;
    this.media = new Source();
    video.disableRemotePlayback = true; // Safari asks for this
    video.src = URL.createObjectURL(this.media);
    this.media.addEventListener("sourceopen", () => {
      if (this.buffer) return;
      this.buffer = this.media.addSourceBuffer('video/mp4; codecs="avc1.42E028"');
      this.buffer.mode = "sequence";
      this.buffer.addEventListener("updateend", () => this.feed());
      this.feed();
    });
  }
  async add(path) {
    const answer = await fetch(address(path));
    if (answer.ok) this.waiting.push(await answer.arrayBuffer());
    this.feed();
  }
  finish() {
    this.done = true;
    this.feed();
  }
  feed() {
    if (!this.buffer || this.buffer.updating || this.media.readyState !== "open") return;
    if (this.waiting.length) {
      this.buffer.appendBuffer(this.waiting.shift());
      this.video.play().catch(() => {});
    } else if (this.done) {
      this.media.endOfStream();
    }
  }
  close() {
    URL.revokeObjectURL(this.video.src);
  }
}

// Elsewhere: one chunk after another.
class OneByOne {
  constructor(video) {
    this.video = video;
    this.waiting = [];
    this.idle = true;
    video.onended = () => {
      this.idle = true;
      this.feed();
    };
  }
  async add(path) {
    this.waiting.push(address(path));
    this.feed();
  }
  finish() {}
  feed() {
    if (!this.idle || !this.waiting.length) return;
    this.idle = false;
    this.video.src = this.waiting.shift();
    this.video.play().catch(() => {});
  }
  close() {
    this.video.onended = null;
  }
}

let line = Promise.resolve();

function show() {
  const view = element.querySelector(".live");
  const video = view.querySelector("video");
  const state = props.value ? JSON.parse(props.value) : { run: null, chunks: [], done: false };
  if (state.run !== run || (player && player.video !== video)) {
    if (player) player.close();
    run = state.run;
    taken = 0;
    line = Promise.resolve();
    const Source = window.MediaSource || window.ManagedMediaSource;
    if (run === null) {
      player = null;
      video.removeAttribute("src");
      video.load();
    } else {
      player = Source ? new Seamless(video, Source) : new OneByOne(video);
    }
  }
  view.classList.toggle("running", run !== null);
  view.classList.toggle("showing", state.chunks.length > 0);
  const now = player;
  for (; taken < state.chunks.length; taken += 1) {
    const path = state.chunks[taken];
    line = line.then(() => now.add(path)).catch(() => {});
  }
  if (state.done && now) line = line.then(() => now.finish());
}

watch("value", show);
show();
