// Comfort only: every page works without this file. It sends nothing anywhere and writes no markup.
(() => {
  "use strict";

  const keep = (name, value) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  };

  // The summary of what went wrong is read first.
  document.querySelector("[data-focus]")?.focus();

  for (const button of document.querySelectorAll("[data-reveal]")) {
    const input = document.getElementById(button.dataset.reveal);
    const show = (visible) => {
      input.type = visible ? "text" : "password";
      button.textContent = visible ? button.dataset.hide : button.dataset.show;
      button.ariaLabel = visible ? button.dataset.hideLabel : button.dataset.showLabel;
    };
    button.hidden = false;
    button.addEventListener("click", () => show(input.type === "password"));
    // Password managers and the next person at this screen should find a password field.
    input.form.addEventListener("submit", () => show(false));
  }

  // What is copied: a list as its lines, a key without the blanks between its groups.
  const copyText = (element) => {
    const lines = [...element.querySelectorAll("li")].map((item) => item.textContent.trim());
    return lines.length > 0 ? `${lines.join("\n")}\n` : element.textContent.replace(/\s/g, "");
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) break;
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(copyText(document.getElementById(button.dataset.copy)));
      button.textContent = button.dataset.done;
      setTimeout(() => (button.textContent = label), 2000);
    });
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // The server refuses another code too soon after the last; waiting here spares people that answer.
  for (const button of document.querySelectorAll("[data-wait]")) {
    const label = button.textContent;
    const until = Date.now() + Number(button.dataset.wait) * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? `${button.dataset.waitLabel} ${left} s` : label;
      if (left > 0) setTimeout(tick, 500);
    };
    tick();
  }

  // The reader's own spelling of the page's language: British and American dates differ.
  const language = document.documentElement.lang;
  const locale = navigator.languages.find((one) => one.split("-")[0] === language) ?? language;
  const format = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  for (const element of document.querySelectorAll("time[datetime]")) {
    const time = new Date(element.dateTime);
    if (!Number.isNaN(time.getTime())) element.textContent = format.format(time);
  }

  for (const link of document.querySelectorAll("[data-language]")) {
    link.addEventListener("click", () => keep("lang", link.dataset.language));
  }

  const themes = ["auto", "light", "dark"];
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    const root = document.documentElement;
    const label = () => (button.textContent = button.dataset[root.dataset.theme || "auto"]);
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
      if (next === "auto") delete root.dataset.theme;
      else root.dataset.theme = next;
      keep("theme", next);
      label();
    });
  }
})();
