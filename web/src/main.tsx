import { createRoot } from "react-dom/client";
import "./design/tokens.css";
import "./design/base.css";
import "./design/components.css";
import "./app/shell/shell.css";
import { App } from "./app/App";
import { applyTheme, readTheme } from "./app/theme";

applyTheme(readTheme());

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root.");
createRoot(root).render(<App />);
