"use strict";
for (const svg of document.querySelectorAll("svg[data-lines]")) {
  const lines = JSON.parse(svg.dataset.lines), [left, right, most] = svg.dataset.frame.split(",").map(Number);
  const cursor = svg.querySelector(".cursor"), tip = document.createElement("div");
  tip.className = "tip"; tip.hidden = true; svg.parentElement.append(tip);
  const hide = () => { tip.hidden = true; cursor.setAttribute("hidden", ""); };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const x = ((event.clientX - box.left) * scale - left) / (right - left) * most;
    const all = lines.flatMap((line) => line.points.map((point) => point[0]));
    if (!all.length) return hide();
    const near = all.reduce((a, b) => (Math.abs(b - x) < Math.abs(a - x) ? b : a));
    const closest = (points) => points.reduce((a, b) => (Math.abs(b[0] - near) < Math.abs(a[0] - near) ? b : a));
    const said = lines.map((line) => [line.name, closest(line.points)]).filter(([, point]) => Math.abs(point[0] - near) <= most / 100);
    const number = (value) => Number(value.toPrecision(4)).toLocaleString("en");
    tip.textContent = near.toLocaleString("en") + " images\n" + said.map(([name, point]) => name + ": " + number(point[1])).join("\n");
    tip.hidden = false;
    const at = left + (right - left) * near / most;
    cursor.setAttribute("x1", at); cursor.setAttribute("x2", at); cursor.removeAttribute("hidden");
    const place = svg.offsetLeft === undefined ? box.left - svg.parentElement.getBoundingClientRect().left : svg.offsetLeft;
    tip.style.top = box.top - svg.parentElement.getBoundingClientRect().top + 8 + "px";
    const from = place + at / scale + 10;
    tip.style.left = Math.max(4, Math.min(from, svg.parentElement.clientWidth - tip.offsetWidth - 4)) + "px";
  });
}
for (const sheets of document.querySelectorAll(".sheets")) {
  const pictures = [...sheets.querySelectorAll("img")], slider = sheets.querySelector("input"), shown = sheets.querySelector("output");
  const show = () => {
    pictures.forEach((picture, place) => { picture.hidden = place !== Number(slider.value); });
    shown.textContent = pictures[slider.value].dataset.images;
  };
  slider.addEventListener("input", show); show();
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
