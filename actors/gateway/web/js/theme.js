// Light or dark, before the first paint: what was chosen with the switch, else what the system prefers.
// No module, as those run after the first paint.
try {
  const chosen = localStorage.getItem("gyrostat.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // no storage: the system's preference holds
}
