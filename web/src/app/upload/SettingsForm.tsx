import { useId } from "react";
import { QUALITIES } from "../../api/types";
import { Icon } from "../../design/Icon";
import { count } from "../format";
import { useSigned } from "../session/context";
import { DEFAULT_FRAMES, type Draft, QUALITY_WORDS } from "./settings";
import "./settings.css";

interface SettingsFormProps {
  draft: Draft;
  onChange(draft: Draft): void;
}

export function SettingsForm({ draft, onChange }: SettingsFormProps) {
  const id = useId();
  return (
    <div className="settings">
      <fieldset className="choice">
        <legend>Quality</legend>
        {QUALITIES.map((quality) => (
          <label key={quality}>
            <input
              type="radio"
              name={`${id}-quality`}
              value={quality}
              checked={draft.quality === quality}
              onChange={() => onChange({ ...draft, quality })}
            />
            <b>{QUALITY_WORDS[quality].title}</b>
            <span className="quiet small">{QUALITY_WORDS[quality].words}</span>
          </label>
        ))}
      </fieldset>
      <details className="fold">
        <summary>
          <Icon name="right" size={16} />
          More settings
        </summary>
        <MoreSettings draft={draft} onChange={onChange} id={id} />
      </details>
    </div>
  );
}

function MoreSettings({ draft, onChange, id }: SettingsFormProps & { id: string }) {
  const { limits } = useSigned();
  return (
    <div className="more-settings">
      <NumberField
        id={`${id}-frames`}
        label="Most pictures"
        value={draft.maxFrames}
        usual={DEFAULT_FRAMES}
        max={limits?.max_frames ?? 1000}
        onChange={(maxFrames) => onChange({ ...draft, maxFrames })}
      />
      <NumberField
        id={`${id}-gaussians`}
        label="Most Gaussians"
        value={draft.maxGaussians}
        usual={QUALITY_WORDS[draft.quality].gaussians}
        max={10_000_000}
        onChange={(maxGaussians) => onChange({ ...draft, maxGaussians })}
      />
      <div className="field">
        <label htmlFor={`${id}-engine`}>Computed on</label>
        <select
          id={`${id}-engine`}
          className="input"
          value={draft.engine}
          onChange={(event) => onChange({ ...draft, engine: event.target.value as Draft["engine"] })}
        >
          <option value="auto">GPU if there is one</option>
          <option value="cuda">GPU (NVIDIA)</option>
          <option value="cpu">CPU</option>
        </select>
      </div>
      <Checks draft={draft} onChange={onChange} />
    </div>
  );
}

function Checks({ draft, onChange }: SettingsFormProps) {
  return (
    <div className="checks">
      <label className="check">
        <input
          type="checkbox"
          checked={draft.tour}
          onChange={(event) => onChange({ ...draft, tour: event.target.checked })}
        />
        Make a short fly-through film
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={draft.measure}
          onChange={(event) => onChange({ ...draft, measure: event.target.checked })}
        />
        Hold every 8th picture back to measure quality
      </label>
    </div>
  );
}

interface NumberFieldProps {
  id: string;
  label: string;
  value: string;
  usual: number;
  max: number;
  onChange(value: string): void;
}

function NumberField({ id, label, value, usual, max, onChange }: NumberFieldProps) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input figures"
        type="number"
        inputMode="numeric"
        min={1}
        max={max}
        step={1}
        placeholder={count(usual)}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
