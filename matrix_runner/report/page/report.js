"use strict";
(() => {
  const form = document.getElementById("filter");
  const words = document.getElementById("words");
  const order = document.getElementById("order");
  const count = document.getElementById("count");
  const list = document.getElementById("list");
  const cells = [...list.children].map((element, place) => ({
    element, place, text: element.dataset.words.toLowerCase(),
    time: Number(element.dataset.time), size: Number(element.dataset.size),
  }));
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const cell of cells) {
      const fits = wanted.every((word) => cell.text.includes(word));
      if (cell.element.hidden === fits) cell.element.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${cells.length}`;
  };
  const sort = () => {
    const key = order.value;
    cells.sort((a, b) => (key === "plan" ? a.place - b.place : b[key] - a[key] || a.place - b.place));
    list.append(...cells.map((cell) => cell.element));
  };
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches(".cell-view")) {
      target.hidden = false;
      target.open = true;
      target.scrollIntoView();
      target.querySelector("summary").focus();
    }
  };
  // The cause of a failure stands at the end.
  const toEnd = (details) => details.querySelectorAll("details.step[open] pre").forEach((log) => { log.scrollTop = log.scrollHeight; });
  list.querySelectorAll("details[open]").forEach(toEnd);
  list.addEventListener("toggle", (event) => { if (event.target.open) toEnd(event.target); }, true);
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  words.addEventListener("input", filter);
  order.addEventListener("change", sort);
  addEventListener("hashchange", open);
  filter();
  open();
})();
