import type { ReactNode } from "react";
import "./icons.css";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
      {children}
    </svg>
  );
}

export const TrashIcon = () => (
  <Icon>
    <path
      d="M3.5 5.5h13M8 5.5V3.8c0-.4.3-.8.8-.8h2.4c.5 0 .8.4.8.8v1.7
         M5 5.5l.7 10.2c0 .7.6 1.3 1.3 1.3h6c.7 0 1.3-.6 1.3-1.3L15 5.5M8.3 9v4.5M11.7 9v4.5"
    />
  </Icon>
);

export const MoreIcon = () => (
  <Icon>
    <circle cx="10" cy="4.500" r=".5" />
    <circle cx="10" cy="10" r=".5" />
    <circle cx="10" cy="15.500" r=".5" />
  </Icon>
);

export const MailIcon = () => (
  <Icon>
    <rect x="2.5" y="4.500" width="15" height="11" rx="2" />
    <path d="m3.500 6 6.500 5L16.500 6" />
  </Icon>
);

export const EyeIcon = () => (
  <Icon>
    <path d="M1.8 10S4.8 4.5 10 4.5 18.2 10 18.2 10 15.2 15.5 10 15.5 1.8 10 1.8 10Z" />
    <circle cx="10" cy="10" r="2.5" />
  </Icon>
);

export const EyeOffIcon = () => (
  <Icon>
    <path
      d="M8 4.7c.6-.1 1.3-.2 2-.2 5.2 0 8.2 5.5 8.2 5.5s-.8 1.5-2.3 2.900
         M13.3 14.900c-1 .4-2.1.600-3.3.600C4.8 15.5 1.8 10 1.8 10s1.2-2.2 3.3-3.800
         M8.2 8.300a2.5 2.5 0 0 0 3.5 3.500M3 3l14 14"
    />
  </Icon>
);

export const CopyIcon = () => (
  <Icon>
    <rect x="7" y="7" width="9.5" height="9.5" rx="2" />
    <path d="M13 7V5.500c0-1.1-.9-2-2-2H5.500c-1.1 0-2 .9-2 2V11c0 1.1.9 2 2 2H7" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m4.5 10.5 3.7 3.7 7.3-8" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M10 4v12M4 10h12" />
  </Icon>
);

export const AlertIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.5" />
    <path d="M10 6.300v4.400M10 13.500v.1" />
  </Icon>
);

export const InfoIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.5" />
    <path d="M10 9.300v4.200M10 6.500v.1" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);

export const PlugIcon = () => (
  <Icon>
    <path d="M7 2.500v4M13 2.500v4M4.5 6.500h11v3a5.5 5.5 0 0 1-11 0ZM10 15v2.5" />
  </Icon>
);
