"use strict";
for (const tools of document.querySelectorAll(".tools")) {
  tools.hidden = false;
  const scope = document.getElementById(tools.dataset.for);
  const input = tools.querySelector("input");
  const items = [...scope.querySelectorAll("[data-text]")];
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) {
      const text = item.dataset.text.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
  };
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { input.value = ""; show(); }
  });
  for (const button of tools.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const open = button.dataset.open === "1";
      for (const details of scope.querySelectorAll("details")) details.open = open;
    });
  }
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
  const input = document.querySelector(".tools input");
  if (input) { event.preventDefault(); input.focus(); }
});
