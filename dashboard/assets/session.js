// Where the sign-in has ended, the next call leads to the sign-in page and back. `winbackIdle` waits, for at most ten
// seconds, until no call is under way; `winbackTyped` until no key or button was pressed for so many milliseconds, but for
// those that store a draft.
(() => {
  const send = window.fetch;
  let under_way = 0;
  window.winbackIdle = (value) => new Promise((done) => {
    const look = (left) => (under_way && left ? setTimeout(() => look(left - 1), 100) : done(value));
    look(100);
  });
  let touched = 0;
  const touch = ({target}) => {
    if (!target.closest?.("#design-save, #design-start")) touched = performance.now();
  };
  for (const kind of ["input", "keydown", "pointerup"]) document.addEventListener(kind, touch, true);
  window.winbackTyped = (pause) => new Promise((done) => {
    const look = () => {
      const left = touched + pause - performance.now();
      if (touched && left > 0) setTimeout(look, left); else done();
    };
    look();
  });
  window.fetch = async (...call) => {
    under_way += 1;
    const answer = await send(...call).finally(() => { under_way -= 1; });
    if (answer.status === 401) {
      const here = window.location.pathname + window.location.search;
      window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
    }
    return answer;
  };
})();
