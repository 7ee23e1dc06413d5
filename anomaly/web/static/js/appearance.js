// Sets the chosen colours and the language before the first paint, so that nothing flashes.
(function () {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    const chosen = localStorage.getItem("language");
    const wanted = chosen || navigator.language || "en";
    root.lang = wanted.toLowerCase().startsWith("de") ? "de" : "en";
  } catch {
    root.lang = "en";
  }
})();
