"use strict";
(() => {
  const form = document.getElementById("filters");
  const rows = [...document.querySelectorAll("#findings tbody tr")];
  if (!rows.length) return;
  const choices = [...form.querySelectorAll("select")].map((choice) => choice.name);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const chosen = new FormData(form);
    const severities = chosen.getAll("severity");
    const wanted = chosen.get("find").trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = severities.includes(row.dataset.severity)
        && choices.every((name) => !chosen.get(name) || row.dataset[name].split("\n").includes(chosen.get(name)))
        && (!chosen.get("secret") || row.dataset.secret === "true")
        && texts[index].includes(wanted);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    document.getElementById("shown").textContent = `${shown} of ${rows.length} findings`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
